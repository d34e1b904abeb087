"""The nodes whose spots may light regions, and which of these light their cells: a program each."""

from tiled_sim.kernels.bragg.cells import CELLS_OF_A_BLOCK
from tiled_sim.kernels.triton import _nearest, _three, tl, triton

#: Steps, or nodes, that a program looks at side by side, one a thread.
_STEPS = tl.constexpr(32)
#: Of float32, some roundings of 6e-8: of what they are taken off; of the numbers added up, which
#: reaches are longer by; of bounds.
_ROUNDED, _SLACK, _MARGIN = tl.constexpr(1e-6), tl.constexpr(4e-6), tl.constexpr(1e-5)
#: Nodes on a line are looked for so much of an index further out.
_AROUND = tl.constexpr(1e-3)
_LEAST_GROWTH, _LEAST_DISTANCE = tl.constexpr(1e-20), tl.constexpr(1e-12)

_CELLS = tl.constexpr(CELLS_OF_A_BLOCK)

# A step is an element of a tensor of 32; vectors are tuples of such tensors, or of single numbers.


@triton.jit
def find(
    regions: tl.tensor,
    incident: tl.tensor,
    direct: tl.tensor,
    reciprocal: tl.tensor,
    reaches: tl.tensor,
    heights: tl.tensor,
    steps: tl.tensor,
    axes: tl.tensor,
    squares: tl.tensor,
    places: tl.tensor,
    nodes: tl.tensor,
    steps_of_nodes: tl.tensor,
    fill: tl.constexpr,
) -> None:
    """Count the nodes whose spots may light one region, or list them.

    Nodes i + u a* + v b* + w c* are taken from the middle of the region, where numbers are so small
    that float32 holds them; what it rounds away is allowed for by a longer reach.
    """
    region = tl.program_id(0)
    bounds = regions + 12 * region
    x_middle, y_middle, z_middle = _three(bounds)
    x_beam, y_beam, z_beam = _three(incident)
    x_off, y_off, z_off = x_middle - x_beam, y_middle - y_beam, z_middle - z_beam
    middle = (x_middle.to(tl.float32), y_middle.to(tl.float32), z_middle.to(tl.float32))
    across, down, extent = _short(bounds + 3, 1), _short(bounds + 6, 1), _short(bounds + 9, 1)
    first_u, last_u, stride_u = _three(axes)
    first_v, last_v, stride_v = _three(axes + 4)
    first_w, last_w, stride_w = _three(axes + 8)
    ends = tl.load(axes + 3) != 0
    lane = tl.arange(0, _STEPS)
    met = tl.zeros([_STEPS], tl.int32)
    place = tl.load(places + region)
    for start in range(0, steps, _STEPS):
        step = start + lane
        wanted = step < steps
        at = tl.minimum(step, steps - 1)
        reach = tl.load(reaches + at).to(tl.float32)
        of_u = _short(reciprocal + at, steps)
        of_v = _short(reciprocal + 3 * steps + at, steps)
        of_w = _short(reciprocal + 6 * steps + at, steps)
        # for each axis of the crystal a whole index near the middle of the region, how much more
        # the index there is, and how far from that it may be
        off = (x_off, y_off, z_off)
        u, more_u, far_u = _range(direct + at, steps, off, middle, extent[0], reach)
        v, more_v, far_v = _range(direct + 3 * steps + at, steps, off, middle, extent[0], reach)
        w, more_w, far_w = _range(direct + 6 * steps + at, steps, off, middle, extent[0], reach)
        slack = (far_u + 1.0) * _length(of_u) + (far_v + 1.0) * _length(of_v)
        slack += (far_w + 1.0) * _length(of_w) + extent[0] + reach
        reach += _SLACK * slack
        low_u, high_u = tl.ceil(more_u - far_u), tl.floor(more_u + far_u)
        low_v, high_v = tl.ceil(more_v - far_v), tl.floor(more_v + far_v)
        low_w, high_w = tl.ceil(more_w - far_w), tl.floor(more_w + far_w)
        if ends:
            low_u = tl.maximum(low_u, (first_u - u).to(tl.float32))
            low_v = tl.maximum(low_v, (first_v - v).to(tl.float32))
            low_w = tl.maximum(low_w, (first_w - w).to(tl.float32))
            high_u = tl.minimum(high_u, (last_u - u).to(tl.float32))
            high_v = tl.minimum(high_v, (last_v - v).to(tl.float32))
            high_w = tl.minimum(high_w, (last_w - w).to(tl.float32))
        wanted = wanted & (low_u <= high_u) & (low_v <= high_v) & (low_w <= high_w)
        most_u = tl.max(tl.where(wanted, high_u - low_u + 1.0, 0.0), 0).to(tl.int32)
        most_v = tl.max(tl.where(wanted, high_v - low_v + 1.0, 0.0), 0).to(tl.int32)
        length_w = high_w - low_w
        # |c|² - 1 of nodes within reach of the sphere; a spot that holds its centre ends nowhere
        # inside
        outside = reach * (2.0 + reach)
        inside = tl.where(reach < 1.0, reach * (2.0 - reach), 2.0)
        x_w, y_w, z_w = of_w
        squared_w = x_w * x_w + y_w * y_w + z_w * z_w
        ahead_w = 2.0 * (middle[0] * x_w + middle[1] * y_w + middle[2] * z_w)
        bend = squared_w * length_w * length_w
        for along_u in range(most_u):
            at_u = low_u + along_u
            for along_v in range(most_v):
                at_v = low_v + along_v
                here_u, here_v, here_w = at_u - more_u, at_v - more_v, low_w - more_w
                x = here_u * of_u[0] + here_v * of_v[0] + here_w * x_w
                y = here_u * of_u[1] + here_v * of_v[1] + here_w * y_w
                z = here_u * of_u[2] + here_v * of_v[2] + here_w * z_w
                # along the line |c|² - 1 begins with this, and grows by this and by at most bend
                begin = 2.0 * (middle[0] * x + middle[1] * y + middle[2] * z)
                begin += x * x + y * y + z * z
                growth = ahead_w + 2.0 * (x * x_w + y * y_w + z * z_w)
                growth = tl.where(tl.abs(growth) < _LEAST_GROWTH, _LEAST_GROWTH, growth)
                one, other = (outside - begin) / growth, (-inside - bend - begin) / growth
                from_w = tl.maximum(tl.ceil(tl.minimum(one, other) - _AROUND), 0.0)
                to_w = tl.minimum(tl.floor(tl.maximum(one, other) + _AROUND), length_w)
                on_line = wanted & (at_u <= high_u) & (at_v <= high_v)
                number = tl.where(on_line, to_w - from_w + 1.0, 0.0)
                most_w = tl.maximum(tl.max(number, 0), 0.0).to(tl.int32)
                for along_w in range(most_w):
                    at_w = from_w + along_w
                    from_middle = (x + at_w * x_w, y + at_w * y_w, z + at_w * z_w)
                    found = _touches(from_middle, reach, middle, across, down, extent)
                    found = found & (along_w < number)
                    h, k = u + at_u.to(tl.int32), v + at_v.to(tl.int32)
                    l = w + (low_w + at_w).to(tl.int32)
                    node = (tl.minimum(tl.maximum(h, first_u), last_u) - first_u) * stride_u
                    node += (tl.minimum(tl.maximum(k, first_v), last_v) - first_v) * stride_v
                    node += (tl.minimum(tl.maximum(l, first_w), last_w) - first_w) * stride_w
                    square = tl.load(squares + node, found, 0.0)
                    here = found & (square != 0.0)
                    flag = here.to(tl.int32)
                    if fill:
                        found_now = tl.sum(flag, 0)
                        if found_now > 0:
                            to = place + (tl.cumsum(flag, 0) - flag)
                            of_node = nodes + 4 * to
                            from_u, from_v = reciprocal + at, reciprocal + 3 * steps + at
                            of_indices = (from_u, from_v, reciprocal + 6 * steps + at, h, k, l)
                            tl.store(of_node, _centre(of_indices, x_beam, 0), here)
                            tl.store(of_node + 1, _centre(of_indices, y_beam, steps), here)
                            tl.store(of_node + 2, _centre(of_indices, z_beam, 2 * steps), here)
                            tl.store(of_node + 3, tl.load(heights + at) * square, here)
                            tl.store(steps_of_nodes + to, step, here)
                            place += found_now
                    else:
                        met += flag
    if not fill:
        tl.store(places + region, tl.sum(met, 0).to(tl.int64))


@triton.jit
def choose(
    cells: tl.tensor,
    regions: tl.tensor,
    begins: tl.tensor,
    nodes: tl.tensor,
    steps_of_nodes: tl.tensor,
    reaches: tl.tensor,
    places: tl.tensor,
    chosen: tl.tensor,
    fill: tl.constexpr,
) -> None:
    """Count those nodes of a region whose spots may light one cell, or list their numbers."""
    cell = tl.program_id(0)
    bounds = cells + 12 * cell
    x_middle, y_middle, z_middle = _three(bounds)
    middle = (x_middle.to(tl.float32), y_middle.to(tl.float32), z_middle.to(tl.float32))
    across, down, extent = _short(bounds + 3, 1), _short(bounds + 6, 1), _short(bounds + 9, 1)
    region = tl.load(regions + cell // _CELLS)
    begin, end = tl.load(begins + region), tl.load(begins + region + 1)
    lane = tl.arange(0, _STEPS)
    met = tl.zeros([_STEPS], tl.int32)
    place = tl.load(places + cell)
    for start in range(begin, end, _STEPS):
        number = start + lane
        at = tl.minimum(number, end - 1)
        node = nodes + 4 * at
        x = (tl.load(node) - x_middle).to(tl.float32)
        y = (tl.load(node + 1) - y_middle).to(tl.float32)
        z = (tl.load(node + 2) - z_middle).to(tl.float32)
        reach = tl.load(reaches + tl.load(steps_of_nodes + at)).to(tl.float32)
        reach += _SLACK * (tl.abs(x) + tl.abs(y) + tl.abs(z) + extent[0] + reach)
        found = (number < end) & _touches((x, y, z), reach, middle, across, down, extent)
        flag = found.to(tl.int32)
        if fill:
            tl.store(chosen + place + (tl.cumsum(flag, 0) - flag), number.to(tl.int32), found)
            place += tl.sum(flag, 0)
        else:
            met += flag
    if not fill:
        tl.store(places + cell, tl.sum(met, 0).to(tl.int64))


@triton.jit
def _short(pointer: tl.tensor, stride: tl.tensor) -> tl.tensor:
    """Three numbers, so far apart, as float32."""
    x, y, z = tl.load(pointer), tl.load(pointer + stride), tl.load(pointer + 2 * stride)
    return x.to(tl.float32), y.to(tl.float32), z.to(tl.float32)


@triton.jit
def _length(vector: tl.tensor) -> tl.tensor:
    """Of a vector."""
    return tl.sqrt(vector[0] * vector[0] + vector[1] * vector[1] + vector[2] * vector[2])


@triton.jit
def _range(
    pointer: tl.tensor,
    stride: tl.tensor,
    off: tl.tensor,
    middle: tl.tensor,
    extent: tl.tensor,
    reach: tl.tensor,
) -> tl.tensor:
    """Index at the middle of a region, whole and the rest, and how far around it nodes are near."""
    x, y, z = tl.load(pointer), tl.load(pointer + stride), tl.load(pointer + 2 * stride)
    node, rest = _nearest(x * off[0] + y * off[1] + z * off[2])
    x, y, z = x.to(tl.float32), y.to(tl.float32), z.to(tl.float32)
    squared = x * x + y * y + z * z
    along = x * middle[0] + y * middle[1] + z * middle[2]
    # of a direction off the middle the index changes by the part of a that is across it
    sideways = tl.sqrt(tl.maximum(squared - along * along, 0.0) + _ROUNDED * squared)
    length = tl.sqrt(squared)
    far = extent * (sideways + 0.5 * extent * tl.abs(along))
    far = tl.minimum(far, length + tl.abs(along)) + length * reach
    return node, rest.to(tl.float32), far * (1.0 + _MARGIN) + _MARGIN


@triton.jit
def _touches(
    from_middle: tl.tensor,
    reach: tl.tensor,
    middle: tl.tensor,
    across: tl.tensor,
    down: tl.tensor,
    extent: tl.tensor,
) -> tl.tensor:
    """Whether the spot around a node, c, may light a direction of a square, whose middle is m.

    Of unit vectors d within reach of it (|c| - 1)² + |c| |d - c/|c||² is at most reach².
    """
    x, y, z = from_middle
    squared = x * x + y * y + z * z
    more = 2.0 * (x * middle[0] + y * middle[1] + z * middle[2]) + squared
    distance = tl.sqrt(tl.maximum(more + 1.0, _LEAST_DISTANCE))
    inverse = 1.0 / distance
    off = more / (1.0 + distance)
    rest = reach * reach - off * off
    spread = tl.sqrt(tl.maximum(rest, 0.0) * inverse)
    near = spread + extent[0]
    near = near * near * (1.0 + _MARGIN) + _MARGIN * reach * reach
    found = (rest >= 0.0) & ((squared - off * off) * inverse <= near)
    # the two vectors are perpendicular to m
    aside = tl.abs(x * across[0] + y * across[1] + z * across[2]) * inverse
    below = tl.abs(x * down[0] + y * down[1] + z * down[2]) * inverse
    return found & (aside <= spread + extent[1]) & (below <= spread + extent[2])


@triton.jit
def _centre(of_indices: tl.tensor, beam: tl.tensor, component: tl.tensor) -> tl.tensor:
    """A component of nodes, by where those of a*, b*, c* are and by h, k, l."""
    u, v, w, h, k, l = of_indices
    x = h.to(tl.float64) * tl.load(u + component) + k.to(tl.float64) * tl.load(v + component)
    return beam + (x + l.to(tl.float64) * tl.load(w + component))
