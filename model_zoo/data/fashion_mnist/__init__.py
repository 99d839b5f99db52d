"""Fashion-MNIST (Xiao, Rasul, Vollgraf 2017, arXiv:1708.07747): one source among others.

Importing this registers the source, its steps of preparation and its statistics. Nothing outside
this folder imports it.
"""

from model_zoo.data.fashion_mnist import doubts, preparation, source

__all__ = ["doubts", "preparation", "source"]
