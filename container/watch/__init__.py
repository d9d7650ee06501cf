"""What the optimizer and the server agree on where predictions and inputs are watched: figures of a row, and bins."""
