"""The project of the source ``patterns``: three hundred classes, judged by all of them alike."""

FILE = """recipe = "short"
schedule = "never"

[data]
source = "patterns"

[model]
image_size = 16

[search]
trials = 0

[training]
epochs = 4
learning_rate = 0.01
class_weights = "balanced"
label_smoothing = 0.1

[judging]
metric = "balanced_accuracy"
floor = 0.2
corrupted_images = 32

[export]
formats = ["litert-float32"]
"""
BY_THE_FILE = (
    *("DATA__SOURCE", "DATA__TRAIN_LIMIT", "MODEL__IMAGE_SIZE", "SEARCH__TRIALS"),
    *("TRAINING__EPOCHS", "TRAINING__LEARNING_RATE", "JUDGING__FLOOR", "EXPORT__FORMATS"),
)
