"""Following Bragg spots: from the nodes of the reciprocal lattice to the subpixels they light.

`patches` are what is worked on at a time, `steps` the crystals with their wavelengths, `spot` says
where a spot ends; `loops` passes them to the loops of `cpp/spots.cpp`, and `cost` predicts what
these take. `quadrangle` finds extremes of indices over a panel.
"""
