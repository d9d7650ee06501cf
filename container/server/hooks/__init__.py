"""The user's own code around the model: `pre` and `post` of one Python file, run in threads with a time limit."""
