"""The page: predict with what is in production. Knows the predictor, nothing of training."""
