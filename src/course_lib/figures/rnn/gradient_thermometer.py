"""How much of an error reaches each earlier time step."""

from __future__ import annotations

from typing import Any, ClassVar

from course_lib.figures.arguments import Choice, Number
from course_lib.figures.base import Figure


class GradientThermometer(Figure):
    """The norm of the gradient at every time step, from real Jacobian products.

    A random RNN is run forward, an error of norm 1 is put on its last state and sent
    back through time; the spectral radius of W_h is what the reader sets. The network
    and its inputs are drawn as in the experiment ``vanishing-gradient``, so the figure
    tells what that one measures.
    """

    title = "The gradient thermometer"
    description = (
        "One thermometer for each time step shows, on a logarithmic axis, the norm of "
        "the gradient that reaches this step from an error at the last step. A dashed "
        "line shows the spectral radius to the power of the lag. Controls set the "
        "spectral radius, the number of steps, the nonlinearity and the norm at which "
        "the gradient of the recurrent weights is clipped."
    )
    caption = (
        "The loss sits at the right end; its gradient flows to the left. Each column "
        "is ‖∂L/∂h‖ at one step, computed here by multiplying Jacobians; the dashed "
        "line is ρᵏ, k steps back. Wₕ is Gaussian with H = 64, h₀ = 0, and the inputs "
        "are standard normal; shown is the geometric mean over 8 sequences."
    )
    reports: ClassVar[dict[str, Any]] = {"guess": None, "farthest": None}

    radius = Number("spectral radius of W_h", default=0.9, low=0.5, high=3)
    length = Number("time steps", default=50, low=5, high=100, whole=True)
    nonlinearity = Choice("of the cell", default="linear", options=("linear", "tanh"))
    clip = Number(
        "norm to which dL/dW_h is clipped, or no clipping",
        default=None,
        low=0.01,
        high=100,
    )
    seed = Number(  # the default is close to the mean over many, see its test
        "of the random network", default=3, low=0, high=2**31, whole=True
    )
