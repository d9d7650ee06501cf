"""Before the road: makes the ONNX model from PyTorch code, pruned or sparsified first where that is asked for.

Runs in the user's own Python, where torch is installed; it never belongs to the image.
"""
