"""How zoos name the tensors of a segmenter: tables from their names to ours, which are torchvision's for its FCN."""

from torchvision.models.segmentation import FCN_ResNet50_Weights, FCN_ResNet101_Weights

from backbones.zoo import CLASSIFIER, OPENMMLAB_STEM, Layout

PUBLISHED_SEGMENTERS = {
    "torchvision/fcn_resnet50": FCN_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1,
    "torchvision/fcn_resnet101": FCN_ResNet101_Weights.COCO_WITH_VOC_LABELS_V1,
}
"""Segmenters of torchvision by our names for them, with the 21 classes of Pascal VOC."""

BODY, BODY_OF_PYRAMID = "backbone.", "backbone.body."
LATERALS, OUTPUTS = "backbone.fpn.inner_blocks", "backbone.fpn.layer_blocks"
_SCALES = "classifier.scale_heads"

TORCHVISION = Layout("torchvision", sign="classifier.0.weight")
MMSEGMENTATION_FCN = Layout(
    "MMSegmentation",
    sign="decode_head.convs.0.conv.weight",
    renames=(
        *OPENMMLAB_STEM,
        (r"^decode_head\.(convs\.\d+|conv_cat)\.conv\.", r"classifier.\1.0."),
        (r"^decode_head\.(convs\.\d+|conv_cat)\.bn\.", r"classifier.\1.1."),
        (r"^decode_head\.conv_seg\.", "classifier.conv_seg."),
        (r"^auxiliary_head\.convs\.0\.conv\.", "aux_classifier.0."),
        (r"^auxiliary_head\.convs\.0\.bn\.", "aux_classifier.1."),
        (r"^auxiliary_head\.conv_seg\.", "aux_classifier.4."),
    ),
)
MMSEGMENTATION_FPN = Layout(
    "MMSegmentation",
    sign="decode_head.scale_heads.0.0.conv.weight",
    renames=(
        (r"^backbone\.", BODY_OF_PYRAMID),
        *OPENMMLAB_STEM,
        (r"^neck\.lateral_convs\.(\d)\.conv\.", rf"{LATERALS}.\1.0."),
        (r"^neck\.lateral_convs\.(\d)\.bn\.", rf"{LATERALS}.\1.1."),
        (r"^neck\.fpn_convs\.(\d)\.conv\.", rf"{OUTPUTS}.\1.0."),
        (r"^neck\.fpn_convs\.(\d)\.bn\.", rf"{OUTPUTS}.\1.1."),
        *(
            (
                rf"^decode_head\.scale_heads\.{level}\.{2 * place}\.",
                f"{_SCALES}.p{level + 2}.{place}.",
            )
            for level in range(4)
            for place in range(3)
        ),
        (rf"^({_SCALES}\.p\d\.\d)\.conv\.", r"\1.0."),
        (rf"^({_SCALES}\.p\d\.\d)\.bn\.", r"\1.1."),
        (r"^decode_head\.conv_seg\.", "classifier.conv_seg."),
    ),
)
SMP = Layout(
    "segmentation-models-pytorch",
    sign="decoder.seg_blocks.0.block.0.block.0.weight",
    renames=(
        (r"^model\.", ""),
        (r"^encoder\.", BODY_OF_PYRAMID),
        (r"^decoder\.p5\.", f"{LATERALS}.3.0."),
        *((rf"^decoder\.p{n + 2}\.skip_conv\.", f"{LATERALS}.{n}.0.") for n in range(3)),
        *(
            (
                rf"^decoder\.seg_blocks\.{5 - level}\.block\.(\d)\.block\.",
                rf"{_SCALES}.p{level}.\1.",
            )
            for level in range(2, 6)
        ),
        (r"^segmentation_head\.0\.", "classifier.conv_seg."),
    ),
    unneeded={
        r"^(model\.)?classification_head\.": CLASSIFIER,
        r"^(mean|std)$": "normalisation of pixels",
    },
)
SEGMENTERS = (
    TORCHVISION,
    MMSEGMENTATION_FCN,
    MMSEGMENTATION_FPN,
    SMP,
    SMP._replace(sign=f"model.{SMP.sign}"),
)
"""Of whole segmenters; the last is how a module around the network saves it."""
