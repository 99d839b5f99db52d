"""A project that grows month by month, to be watched: python -m examples.growing"""
