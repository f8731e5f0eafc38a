"""The methods under test. Adding one is a folder here and a line in METHODS."""

METHODS = {
    "template": "methods.template:Template",
    "mean": "methods.mean:Mean",
    "ridge": "methods.ridge:Ridge",
    "faceformer": "methods.faceformer:FaceFormer",
    "gldi": "methods.gldi:GLDiTalker",
}
