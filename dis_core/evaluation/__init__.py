"""How good mattes are: the measures of dichotomous image segmentation, over arrays and over folders of files."""
