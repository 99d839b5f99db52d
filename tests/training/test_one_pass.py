"""An optimiser's update in one pass over the weights: the same rule, computed otherwise."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf

from model_zoo.training.one_pass import in_one_pass

OPTIMIZERS: dict[str, Callable[..., keras.optimizers.Optimizer]] = {
    "sgd": lambda rate: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
    "sgd, decayed": lambda rate: keras.optimizers.SGD(
        rate, momentum=0.9, nesterov=True, weight_decay=0.1
    ),
}


def schedule() -> keras.optimizers.schedules.LearningRateSchedule:
    return keras.optimizers.schedules.CosineDecay(
        0.0, decay_steps=50, warmup_target=0.05, warmup_steps=3
    )


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weights_and_state_become_what_keras_makes_them(name: str) -> None:
    random = np.random.default_rng(0)
    start = random.normal(size=(20, 5)).astype(np.float32)
    steps = random.normal(size=(8, 20, 5)).astype(np.float32)
    found = []
    for way in (lambda optimizer: optimizer, in_one_pass):
        optimizer = way(OPTIMIZERS[name](schedule()))
        kernel = keras.Variable(start, name="kernel")
        bias = keras.Variable(start[0], name="bias")
        optimizer.build([kernel, bias])
        if optimizer.weight_decay:
            optimizer.exclude_from_weight_decay(var_names=["bias"])
        apply = tf.function(lambda a, b, to=optimizer: to.apply([a, b]))
        for step in steps:
            apply(tf.constant(step), tf.constant(step[0]))
        found.append([one.numpy() for one in (kernel, bias, *optimizer.variables)])
    own, ours = found
    assert not np.allclose(own[0], start, atol=0.01), "something was learned"
    for before, after in zip(own, ours, strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-6, atol=1e-7)


def test_another_rule_is_left_to_keras() -> None:
    for other in (keras.optimizers.Adam(0.1), keras.optimizers.SGD(0.1)):
        assert in_one_pass(other) is other


def test_the_rows_of_an_embedding_that_no_input_named_stay() -> None:
    """Their gradient is one of some rows alone, which the operation does not take."""
    embedding = keras.layers.Embedding(6, 2)
    model = keras.Sequential([keras.Input((1,)), embedding, keras.layers.Flatten()])
    model.compile(in_one_pass(keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True)), "mse")
    before = embedding.embeddings.numpy()
    model.train_on_batch(np.array([[1], [4]]), np.ones((2, 2), np.float32))
    changed = (embedding.embeddings.numpy() != before).any(axis=1)
    assert changed.nonzero()[0].tolist() == [1, 4]
