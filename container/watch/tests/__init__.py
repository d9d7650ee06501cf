"""Tests of the server: pure parts alone, everything else against a real server process over real sockets."""
