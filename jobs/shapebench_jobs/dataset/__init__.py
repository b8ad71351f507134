"""Labelled images: drawn, kept as files and TFRecord shards, read back, and what reading must find."""
