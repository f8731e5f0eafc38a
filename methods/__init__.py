"""The methods under test. Adding one is a folder here and a line in METHODS."""

METHODS = {
    "template": "methods.template:Template",
    "mean": "methods.mean:Mean",
    "ridge": "methods.ridge:Ridge",
    "voca": "methods.voca:Voca",
    "meshtalk": "methods.meshtalk:MeshTalk",
    "faceformer": "methods.faceformer:FaceFormer",
    "codetalker": "methods.codetalker:CodeTalker",
    "facediffuser": "methods.facediffuser:FaceDiffuser",
    "gldi": "methods.gldi:GLDiTalker",
}
