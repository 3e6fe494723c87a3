"""Networks as files for other programs: ONNX, and what torch.export writes."""
