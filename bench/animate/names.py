"""The 52 blendshapes of ARKit (ARFaceAnchor.BlendShapeLocation), in the order of the columns that
Live Link Face records: right before left for the jaw and the mouth, otherwise left before right.
"""

_EYE = ("Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide")
_PAIRS_OF_MOUTH = ("Smile", "Frown", "Dimple", "Stretch")

ARKIT = (
    *(f"eye{move}Left" for move in _EYE),
    *(f"eye{move}Right" for move in _EYE),
    *("jawForward", "jawRight", "jawLeft", "jawOpen"),
    *("mouthClose", "mouthFunnel", "mouthPucker", "mouthRight", "mouthLeft"),
    *(f"mouth{move}{side}" for move in _PAIRS_OF_MOUTH for side in ("Left", "Right")),
    *("mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"),
    *("mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft", "mouthLowerDownRight"),
    *("mouthUpperUpLeft", "mouthUpperUpRight"),
    *("browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    *("cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight"),
    "tongueOut",
)
