"""Shapebench: which cluster shape should my Spark or TensorFlow work run on?"""

__version__ = "0.1.0"
