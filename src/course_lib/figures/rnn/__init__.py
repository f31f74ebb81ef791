"""The live figures of chapter 1."""

from course_lib.figures.rnn.echo_trainer import EchoTrainer
from course_lib.figures.rnn.gradient_thermometer import GradientThermometer
from course_lib.figures.rnn.stepper import Stepper

__all__ = ["EchoTrainer", "GradientThermometer", "Stepper"]
