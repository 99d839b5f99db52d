"""Files of a trained classifier that run anywhere, each checked before it is attached."""
