"""How zoos name the tensors of a Faster R-CNN: tables from their names to ours, which are torchvision's."""

from torchvision.models.detection import (
    FasterRCNN_ResNet50_FPN_V2_Weights,
    FasterRCNN_ResNet50_FPN_Weights,
)

from backbones.zoo import DETECTRON2_STAGES, Layout

PUBLISHED_DETECTORS = {
    "torchvision/fasterrcnn_resnet50_fpn": FasterRCNN_ResNet50_FPN_Weights.COCO_V1,
    "torchvision/fasterrcnn_resnet50_fpn_v2": FasterRCNN_ResNet50_FPN_V2_Weights.COCO_V1,
}
"""COCO detectors of torchvision by our names for them."""

BODY = "backbone.body."
LATERALS, OUTPUTS = "backbone.fpn.inner_blocks", "backbone.fpn.layer_blocks"
BOX_HEAD = "roi_heads.box_head"
CLASS_ROWS, BOX_ROWS = "roi_heads.box_predictor.cls_score", "roi_heads.box_predictor.bbox_pred"
_OTHER_HEADS = "head of masks or keypoints"

TORCHVISION = Layout(
    "torchvision",
    sign="rpn.head.cls_logits.weight",
    renames=(  # as saved before 2022
        (r"(inner_blocks|layer_blocks)\.(\d)\.(weight|bias)$", r"\1.\2.0.\3"),
        (r"^rpn\.head\.conv\.(weight|bias)$", r"rpn.head.conv.0.0.\1"),
    ),
    unneeded={r"^roi_heads\.(mask|keypoint)_": _OTHER_HEADS},
)
DETECTRON2 = Layout(
    "detectron2",
    sign="proposal_generator.rpn_head.objectness_logits.weight",
    renames=(
        (r"^backbone\.bottom_up\.", BODY),
        *((rf"^backbone\.fpn_lateral{n + 2}\.norm\.", f"{LATERALS}.{n}.1.") for n in range(4)),
        *((rf"^backbone\.fpn_lateral{n + 2}\.", f"{LATERALS}.{n}.0.") for n in range(4)),
        *((rf"^backbone\.fpn_output{n + 2}\.norm\.", f"{OUTPUTS}.{n}.1.") for n in range(4)),
        *((rf"^backbone\.fpn_output{n + 2}\.", f"{OUTPUTS}.{n}.0.") for n in range(4)),
        (r"^proposal_generator\.rpn_head\.conv\.conv(\d)\.", r"rpn.head.conv.\1.0."),
        (r"^proposal_generator\.rpn_head\.conv\.", "rpn.head.conv.0.0."),
        (r"^proposal_generator\.rpn_head\.objectness_logits\.", "rpn.head.cls_logits."),
        (r"^proposal_generator\.rpn_head\.anchor_deltas\.", "rpn.head.bbox_pred."),
        *((rf"^{BOX_HEAD}\.conv{n + 1}\.norm\.", f"{BOX_HEAD}.{n}.1.") for n in range(4)),
        *((rf"^{BOX_HEAD}\.conv{n + 1}\.", f"{BOX_HEAD}.{n}.0.") for n in range(4)),
        (rf"^{BOX_HEAD}\.fc1\.", f"{BOX_HEAD}.fc6."),
        (rf"^{BOX_HEAD}\.fc2\.", f"{BOX_HEAD}.fc7."),
        *DETECTRON2_STAGES,
    ),
    unneeded={
        r"^pixel_(mean|std)$": "normalisation of pixels",
        r"anchor_generator\.cell_anchors": "anchors",
        r"^roi_heads\.(mask|keypoint)_head\.": _OTHER_HEADS,
    },
    style="caffe",
)
MMDETECTION = Layout(
    "MMDetection",
    sign="rpn_head.rpn_cls.weight",
    renames=(
        (r"^backbone\.", BODY),
        (r"^neck\.lateral_convs\.(\d)\.conv\.", rf"{LATERALS}.\1.0."),
        (r"^neck\.lateral_convs\.(\d)\.bn\.", rf"{LATERALS}.\1.1."),
        (r"^neck\.fpn_convs\.(\d)\.conv\.", rf"{OUTPUTS}.\1.0."),
        (r"^neck\.fpn_convs\.(\d)\.bn\.", rf"{OUTPUTS}.\1.1."),
        (r"^rpn_head\.rpn_conv\.(\d)\.conv\.", r"rpn.head.conv.\1.0."),
        (r"^rpn_head\.rpn_conv\.(weight|bias)", r"rpn.head.conv.0.0.\1"),
        (r"^rpn_head\.rpn_cls\.", "rpn.head.cls_logits."),
        (r"^rpn_head\.rpn_reg\.", "rpn.head.bbox_pred."),
        (r"^roi_head\.bbox_head\.shared_convs\.(\d)\.conv\.", rf"{BOX_HEAD}.\1.0."),
        (r"^roi_head\.bbox_head\.shared_convs\.(\d)\.bn\.", rf"{BOX_HEAD}.\1.1."),
        (r"^roi_head\.bbox_head\.shared_fcs\.0\.", f"{BOX_HEAD}.fc6."),
        (r"^roi_head\.bbox_head\.shared_fcs\.1\.", f"{BOX_HEAD}.fc7."),
        (r"^roi_head\.bbox_head\.fc_cls\.", f"{CLASS_ROWS}."),
        (r"^roi_head\.bbox_head\.fc_reg\.", f"{BOX_ROWS}."),
    ),
    unneeded={r"^roi_head\.mask_head\.": _OTHER_HEADS},
)


def _with_convs(layout: Layout, sign: str) -> Layout:
    """The same for a box head of four convolutions, whose one linear layer stands at place 5."""
    last = (rf"^{BOX_HEAD}\.fc6\.", f"{BOX_HEAD}.5.")
    return layout._replace(sign=sign, renames=(*layout.renames, last))


DETECTORS = (
    TORCHVISION,
    _with_convs(DETECTRON2, "roi_heads.box_head.conv1.weight"),
    DETECTRON2,
    _with_convs(MMDETECTION, "roi_head.bbox_head.shared_convs.0.conv.weight"),
    MMDETECTION,
)
"""Of whole detectors; the head of convolutions is looked for first."""
