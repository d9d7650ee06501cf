"""Tests of the export, all for real: they need the environment `torch`."""
