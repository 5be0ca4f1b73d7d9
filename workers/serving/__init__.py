"""The inference data plane: a gateway that speaks the Open Inference Protocol, and one isolated host process
per version.
"""

VERSION = "0.1.0"
