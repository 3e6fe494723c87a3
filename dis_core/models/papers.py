"""The papers that the models are from, to be cited by whoever publishes results."""

from __future__ import annotations

from dis_core.model_spec import Citation

PDFNET = Citation(
    "High-Precision Dichotomous Image Segmentation via Depth Integrity-Prior and Fine-Grained Patch Strategy",
    "Xianjie Liu, Keren Fu, Qijun Zhao",
    2025,
    "https://arxiv.org/abs/2503.06100",
)

BIREFNET = Citation(
    "Bilateral Reference for High-Resolution Dichotomous Image Segmentation",
    "Peng Zheng, Dehong Gao, Deng-Ping Fan, Li Liu, Jorma Laaksonen, Wanli Ouyang, Nicu Sebe",
    2024,
    "https://arxiv.org/abs/2401.03407",
)

TOONOUT = Citation(
    "ToonOut: Fine-tuned Background Removal for Anime Characters",
    "Matteo Muratori, Joël Seytre",
    2025,
    "https://arxiv.org/abs/2509.06839",
)

ISNET = Citation(
    "Highly Accurate Dichotomous Image Segmentation",
    "Xuebin Qin, Hang Dai, Xiaobin Hu, Deng-Ping Fan, Ling Shao, Luc Van Gool",
    2022,
    "https://arxiv.org/abs/2203.03041",
)

DIS_SAM = Citation(
    "Promoting Segment Anything Model towards Highly Accurate Dichotomous Image Segmentation",
    "Xianjie Liu, Keren Fu, Yao Jiang, Qijun Zhao",
    2023,
    "https://arxiv.org/abs/2401.00248",
)

SAM = Citation(
    "Segment Anything",
    "Alexander Kirillov, Eric Mintun, Nikhila Ravi, Hanzi Mao, Chloe Rolland, Laura Gustafson, Tete Xiao, "
    "Spencer Whitehead, Alexander C. Berg, Wan-Yen Lo, Piotr Dollár, Ross Girshick",
    2023,
    "https://arxiv.org/abs/2304.02643",
)

DIFFDIS = Citation(
    "High-Precision Dichotomous Image Segmentation via Probing Diffusion Capacity",
    "Qian Yu, Peng-Tao Jiang, Hao Zhang, Jinwei Chen, Bo Li, Lihe Zhang, Huchuan Lu",
    2024,
    "https://arxiv.org/abs/2410.10105",
)

SD_TURBO = Citation(
    "Adversarial Diffusion Distillation",
    "Axel Sauer, Dominik Lorenz, Andreas Blattmann, Robin Rombach",
    2023,
    "https://arxiv.org/abs/2311.17042",
)

DEPTH_ANYTHING_V2 = Citation(
    "Depth Anything V2",
    "Lihe Yang, Bingyi Kang, Zilong Huang, Zhen Zhao, Xiaogang Xu, Jiashi Feng, Hengshuang Zhao",
    2024,
    "https://arxiv.org/abs/2406.09414",
)
