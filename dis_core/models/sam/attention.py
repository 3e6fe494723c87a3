"""Attention over a whole image with relative positions, head by head, in a tenth of the memory.

Every token attends to every other one, 4096 of them, and each head adds a number of its own for each pair: 67 MB in
float32. Where all heads have theirs at once, a ViT-L needs more memory for that than for its weights.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn


class WholeImageAttention(nn.Module):
    """Takes the place of one of transformers' `SamVisionAttention`, with its parameters under their names."""

    def __init__(self, replaced: Any, *, heads: int) -> None:  # Any: transformers has no types for its parts
        super().__init__()
        self.heads = heads
        self.qkv: nn.Linear = replaced.qkv
        self.proj: nn.Linear = replaced.proj
        self.rel_pos_h: nn.Parameter = replaced.rel_pos_h
        self.rel_pos_w: nn.Parameter = replaced.rel_pos_w

    def forward(
        self,
        hidden_states: torch.Tensor,
        output_attentions: bool = False,  # noqa: ARG002, FBT001, FBT002 - transformers up to 4 gives it
    ) -> tuple[torch.Tensor, None]:
        """(B, H, W, C) -> the same; and no weights."""
        B, H, W, C = hidden_states.shape
        # (B, H, W, 3 C) -> (3, B, heads, H, W, C / heads)
        split = self.qkv(hidden_states).view(B, H, W, 3, self.heads, -1).permute(3, 0, 4, 1, 2, 5)
        rows, columns = relative(self.rel_pos_h, H), relative(self.rel_pos_w, W)
        mixed = torch.empty_like(hidden_states, dtype=split.dtype).view(B, H * W, self.heads, -1)
        for head in range(self.heads):
            q, k, v = split[:, :, head]
            mixed[:, :, head] = attend(q, k, v, rows.to(q.dtype), columns.to(q.dtype))
        answer: torch.Tensor = self.proj(mixed.view(B, H, W, C))
        return answer, None


def relative(table: torch.Tensor, length: int) -> torch.Tensor:
    """For each pair of places along an axis the table's row for their distance: (length, length, C).

    `table` is (2 * length - 1, C), from the farthest before to the farthest behind.
    """
    places = torch.arange(length, device=table.device)
    return table[places[:, None] - places[None, :] + length - 1]


def attend(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor
) -> torch.Tensor:
    """One head: (B, H, W, c) each -> (B, H * W, c), with what each query makes of distances in rows and columns."""
    B, H, W, _ = q.shape
    of_rows = torch.einsum("bhwc,hkc->bhwk", q, rows)
    of_columns = torch.einsum("bhwc,wkc->bhwk", q, columns)
    bias = (of_rows[..., :, None] + of_columns[..., None, :]).view(B, H * W, H * W)
    return F.scaled_dot_product_attention(q.flatten(1, 2), k.flatten(1, 2), v.flatten(1, 2), attn_mask=bias)
