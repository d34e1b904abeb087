"""Following Bragg spots: from the nodes of the reciprocal lattice to the subpixels they light.

In the order of the way: `patches` (what is worked on at a time), `steps`, `quadrangle` and `lines`
(which nodes lie near the Ewald sphere), `footprint` (where on the panel), `candidates` (all that
together), `spot` and `windows` (what comes of them), and `cost`.
"""
