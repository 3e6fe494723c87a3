"""How good mattes are: the usual measures of dichotomous image segmentation, for arrays and for folders of files."""
