"""Our models beside other people's, side by side in one run: ``course bench``.

Each chapter has a module here, named as it is, whose ``matches(scale)`` yields what is
compared: a training step or decoding, with the same weights, inputs, dtype and threads.
Values come first: who computes something else is not timed.
"""
