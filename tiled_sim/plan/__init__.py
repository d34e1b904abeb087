"""How a run is computed: kernel, tiles, memory, coverage."""
