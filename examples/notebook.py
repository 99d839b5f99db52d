# %% [markdown]
# # The version in production, in a notebook
#
# Editors that know `# %%` cells (VS Code, PyCharm, Spyder) run this file cell by cell, Jupyter with
# Jupytext opens it as a notebook, and `python examples/notebook.py` runs all of it. It needs a
# version in production: `catwalk demo` makes one.

# %%
import base64
import io

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from model_zoo import load_classifier

# %% [markdown]
# The files of the version are fetched from MLflow once and kept in the home. Another version:
# `load_classifier("3")`; another project: `load_classifier(project="name")`.

# %%
classifier = load_classifier()
print(f"version {classifier.version}: {', '.join(classifier.labels)}")
print(f"images are {classifier.image_shape} (height, width, channels)")

# %% [markdown]
# A version carries an image of each class. Any uint8 array of its shape will do in their place.

# %%
examples = classifier.facts["examples"]
images = np.stack(
    [np.asarray(Image.open(io.BytesIO(base64.b64decode(one["png"])))) for one in examples]
)
predictions = classifier.predict(images)
for example, prediction in zip(examples, predictions, strict=True):
    print(f"{example['label']}: {prediction.label}, {prediction.confidence:.1%} confident")

# %% [markdown]
# Where the evidence for the answer lies (Grad-CAM), over the image that the model saw.

# %%
figure, axes = plt.subplots(2, len(images), figsize=(1.5 * len(images), 3.4))
height, width, _ = classifier.image_shape
for (above, below), prediction in zip(axes.T, predictions, strict=True):
    for axis in (above, below):
        axis.imshow(prediction.image, cmap="gray", vmin=0, vmax=255)
        axis.axis("off")
    below.imshow(
        prediction.heatmap, cmap="inferno", alpha=0.6, interpolation="bicubic",
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
    )  # fmt: skip
    above.set_title(prediction.label, fontsize=8)
figure.savefig("heatmaps.png", dpi=120, bbox_inches="tight")
plt.show()
