// The loop of the compiled kernel for subpixels, and where there are few steps: directions, the sum
// over steps, polarization and solid angle, a block of 16 × 16 pixels at a time. subpixels.py says
// what is done and passed, and takes it on CPUs with AVX-512 alone.
//
// Every value comes from the same operations on whole vectors of pixels in a fixed order, so that
// bits do not depend on what is worked on together. A product and a sum are rounded once where
// `fused` says so, and nowhere else.

#include <vector>

namespace {

constexpr int SIDE = 16, PIXELS = SIDE * SIDE;
// Steps whose sum is taken in float32, where the precision is mixed.
constexpr int AT_A_TIME = 64;
// Nodes beyond this lie outside every table.
constexpr double FAR = double(1 << 28);
// δ is kept away from 0 by this, so that the quotient at a node is N.
constexpr double SMALLEST_DELTA = 1e-9;
constexpr double PI = 3.141592653589793;

typedef float Halves __attribute__((vector_size(4 * LANES)));
typedef int32_t Ints __attribute__((vector_size(4 * LANES)));

inline Doubles all(double x) { return Doubles{x, x, x, x, x, x, x, x}; }
inline Floats all(float x) { return Floats{x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}; }

const Doubles FIRST_LANES = {0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0};

inline Doubles fma(Doubles a, Doubles b, Doubles c) {
    return (Doubles)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
}
inline Floats fma(Floats a, Floats b, Floats c) {
    return (Floats)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}
inline Doubles ceiling_of(Doubles x) {
    return (Doubles)_mm512_roundscale_pd((__m512d)x, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC);
}
// x less its nearest whole number, exactly.
inline Doubles rest_of(Doubles x) {
    return (Doubles)_mm512_reduce_pd((__m512d)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
// The larger absolute value of the two.
inline Doubles farther(Doubles x, Doubles y) {
    return (Doubles)_mm512_range_pd((__m512d)x, (__m512d)y, 0b1011);
}
inline Doubles within(Doubles x, Doubles low, Doubles high) {
    return (Doubles)_mm512_min_pd(_mm512_max_pd((__m512d)x, (__m512d)low), (__m512d)high);
}
inline Ints whole(Doubles x) { return (Ints)_mm512_cvttpd_epi32((__m512d)x); }
// Not by way of memory, which waits for both stores.
inline Floats joined(Halves first, Halves second) {
    return (Floats)_mm512_insertf32x8(_mm512_castps256_ps512((__m256)first), (__m256)second, 1);
}

// a b + c, rounded once or twice.
template <bool fused, typename V>
inline V mad(V a, V b, V c) {
    if constexpr (fused) return fma(a, b, c);
    return a * b + c;
}

// A quotient as it is rounded, by the inverse of the divisor (Markstein).
inline Doubles quotient(Doubles x, Doubles divisor, Doubles inverse) {
    const Doubles near = x * inverse;
    return fma(fma(-near, divisor, x), inverse, near);
}

// sin(πx)/x on |x| ≤ ½ by even powers of x, as in graphs.py.
constexpr double SINE_DOUBLE[] = {
    3.1415926535897882,    -5.167712780048736,     2.550164039794811,
    -0.599264526949625,    0.08214585145627505,    -0.007370140535490659,
    0.0004649538589266146, -1.862156505870525e-05, -2.49922527484286e-06};
constexpr float SINE_FLOAT[] = {3.141592653589636f,    -5.167712779988138f,
                                2.5501640359146416f,   -0.599264434062856f,
                                0.08214479560514781f,  -0.007364008675462431f,
                                0.0004474962396281106f};

template <bool fused, typename V, typename T, int N>
inline V powers(V x, const T (&coefficients)[N]) {
    V value = all(coefficients[N - 1]);
    for (int power = N - 2; power >= 0; --power)
        value = mad<fused>(value, x, all(coefficients[power]));
    return value;
}

template <bool fused>
inline Doubles sine_of_pi(Doubles x) {
    return x * powers<fused>(x * x, SINE_DOUBLE);
}
template <bool fused>
inline Floats sine_of_pi(Floats x) {
    return x * powers<fused>(x * x, SINE_FLOAT);
}

// Numbers of pixels side by side, in the precision of a sum: as many vectors of double as make one
// vector of that.
struct InDouble {
    typedef double Number;
    typedef Doubles Values;
    static constexpr int parts = 1;

    static Values of(const Doubles *x) { return x[0]; }

    static Values of(const double *t, const int32_t *at) {
        return Values{t[at[0]], t[at[1]], t[at[2]], t[at[3]], t[at[4]], t[at[5]], t[at[6]], t[at[7]]};
    }

    static void add(const Values &sum, Doubles *to) { to[0] += sum; }
};

struct InFloat {
    typedef float Number;
    typedef Floats Values;
    static constexpr int parts = 2;

    static Values of(const float *t, const int32_t *at) {
        return Values{t[at[0]],  t[at[1]],  t[at[2]],  t[at[3]], t[at[4]],  t[at[5]],
                      t[at[6]],  t[at[7]],  t[at[8]],  t[at[9]], t[at[10]], t[at[11]],
                      t[at[12]], t[at[13]], t[at[14]], t[at[15]]};
    }

    static Values of(const Doubles *x) {
        return joined(__builtin_convertvector(x[0], Halves), __builtin_convertvector(x[1], Halves));
    }

    static void add(const Values &sum, Doubles *to) {
        Halves halves[2];
        std::memcpy(halves, &sum, sizeof sum);
        for (int part = 0; part < 2; ++part)
            to[part] += __builtin_convertvector(halves[part], Doubles);
    }
};

}  // namespace

extern "C" {

// Blocks of pixels.
struct Blocks {
    int64_t number;
    // Corners along slow and fast, and of each the numbers of its panel, 13 of them: fast and slow
    // axes, origin, two numbers of the solid angle, sides of a subpixel along slow and fast.
    const double *slow, *fast, *panels;
    // Subpixels along a side of a pixel; the pixel of a block that anchors it, and the components
    // of its directions, or null.
    int64_t oversample, anchor[2];
    const double *anchors[3];
};

// Steps of one direction of the beam and one grid of F, in the order of summation.
struct Steps {
    int64_t number;
    double incident[3];
    // Whether they are the first of a sum.
    int64_t begin;
    // a/λ, b/λ, c/λ of each; weights; F² of the padded table, of double or float.
    const double *vectors, *weights;
    const void *squares;
    // h, k, l of the table's first node, and the last indices of the padded table.
    int32_t first[3], last[3];
};

// The factors of a beam. Of polarization: incident, electric and magnetic directions, and the
// factor's constant, that of the squared cosine and that of the field; the inverse of the
// attenuation length in a sensor [1/m]; and whether each subpixel has its own polarization, solid
// angle and absorption.
struct Beam {
    double incident[3], electric[3], magnetic[3], kahn[3], attenuation;
    int64_t own_polar, own_omega, own_capture;
};
}

namespace {

// The square crystal: product over axes of (sin πNδ / sin πδ)².
template <typename Precision_, bool fused_>
struct Square {
    typedef Precision_ Precision;
    typedef typename Precision::Values Values;
    static constexpr int parts = Precision::parts;
    static constexpr bool fused = fused_;

    static bool square(const Doubles (*delta)[parts], const double *lattice, Values &result) {
        Values above, below;
        for (int axis = 0; axis < 3; ++axis) {
            Doubles rest[parts], away[parts];
            for (int part = 0; part < parts; ++part) {
                // of either sign: only the square counts
                away[part] = farther(delta[axis][part], all(SMALLEST_DELTA));
                rest[part] = rest_of(away[part] * lattice[axis]);
            }
            const Values upper = sine_of_pi<fused>(Precision::of(rest));
            const Values lower = sine_of_pi<fused>(Precision::of(away));
            above = axis == 0 ? upper : above * upper;
            below = axis == 0 ? lower : below * lower;
        }
        const Values ratio = above / below;
        result = ratio * ratio;
        return true;
    }
};

// What all other shapes are: float64.
struct Other {
    typedef InDouble Precision;
    static constexpr int parts = 1;
    static constexpr bool fused = true;
};

// sinc3² of the distance in cells from the node.
struct Round : Other {
    static bool square(const Doubles (*delta)[1], const double *lattice, Doubles &result) {
        constexpr double series[] = {1.0,
                                     -1.0 / 10,
                                     1.0 / 280,
                                     -1.0 / 15120,
                                     1.0 / 1330560,
                                     -1.0 / 172972800,
                                     1.0 / 31135104000,
                                     -1.0 / 7410154752000,
                                     1.0 / 2252687044608000,
                                     -1.0 / 851515702861824000};
        Doubles sqr = {};
        for (int axis = 0; axis < 3; ++axis) {
            const Doubles along = delta[axis][0] * lattice[axis];
            sqr = fma(along, along, sqr);
        }
        const Doubles radius = root_of(sqr * lattice[3]);
        const Doubles turns = rest_of(radius), x = radius * PI, x_sqr = x * x;
        // both signs turn with the same half-turns, and only the square counts
        const Doubles sine = sine_of_pi<true>(turns);
        const Doubles cosine = sine_of_pi<true>(0.5 - farther(turns, Doubles{}));
        const Doubles large = 3.0 * (sine / x - cosine) / x_sqr;
        const Doubles sphere = x < 1.5 ? powers<true>(x_sqr, series) : large;
        result = lattice[7] * (sphere * sphere);
        return true;
    }
};

// δᵀ G* δ times a sharpness, G* as its six numbers.
inline Doubles distance_of(const Doubles (*delta)[1], const double *g) {
    const Doubles h = delta[0][0], k = delta[1][0], l = delta[2][0];
    return (h * (g[0] * h + 2.0 * (g[1] * k + g[2] * l)) + k * (g[3] * k + 2.0 * g[4] * l) +
            g[5] * l * l) *
           g[6];
}

struct Gauss : Other {
    static bool square(const Doubles (*delta)[1], const double *lattice, Doubles &result) {
        const Doubles distance = distance_of(delta, lattice);
        const Longs counted = distance <= 700.0;
        if (bits_of(counted) == 0) return false;
        const Doubles share = exponential(counted ? -distance : Doubles{});
        result = counted ? lattice[7] * share : Doubles{};
        return true;
    }
};

struct Flat : Other {
    static bool square(const Doubles (*delta)[1], const double *lattice, Doubles &result) {
        const Longs counted = distance_of(delta, lattice) < 1.0;
        if (bits_of(counted) == 0) return false;
        result = counted ? all(lattice[7]) : Doubles{};
        return true;
    }
};

// What a step's h, k, l in a block are made of: h is the remainder and the rest of a sum; nodes are
// counted from the anchor's, and lie in the table between low and high.
template <typename T>
struct Anchored {
    double vectors[9], remainder[3], low[3], high[3], place;
    T weight;
};

struct Block {
    const double *panel;
    double slow, fast, oversample, anchor[3];
    // Whether pixels look so small that the inverse of a distance is a short series around that to
    // the middle of the pixel.
    bool are_small;

    Block(const Blocks &blocks, int64_t number);

    // From the first subpixel of a pixel to another [m].
    void offset(double sub_slow, double sub_fast, double *d) const {
        for (int axis = 0; axis < 3; ++axis)
            d[axis] = sub_slow * panel[11] * panel[3 + axis] + sub_fast * panel[12] * panel[axis];
    }

    // h, k, l of some steps at the anchor, less their nearest nodes.
    template <typename T>
    void peel(const Steps &steps, int64_t first, int number, Anchored<T> *anchored) const {
        double d[3];
        for (int axis = 0; axis < 3; ++axis) d[axis] = anchor[axis] - steps.incident[axis];
        for (int n = 0; n < number; ++n) {
            Anchored<T> &step = anchored[n];
            std::memcpy(step.vectors, steps.vectors + 9 * (first + n), sizeof step.vectors);
            step.place = 0.0;
            for (int axis = 0; axis < 3; ++axis) {
                const double *const a = step.vectors + 3 * axis;
                const double h = a[0] * d[0] + a[1] * d[1] + a[2] * d[2];
                const double nearest = std::ceil(h - 0.5), last = double(steps.last[axis]);
                // the table has a border of one node on every side
                double node = nearest - (double(steps.first[axis]) - 1.0);
                node = node > -FAR ? node < FAR ? node : FAR : -FAR;
                step.remainder[axis] = h - nearest;
                step.low[axis] = -node;
                step.high[axis] = last - node;
                step.place = step.place * (last + 1.0) + node;
            }
            step.weight = T(steps.weights[first + n]);
        }
    }
};

// A row of subpixels of a block.
struct Row {
    const Block &block;
    double across[3];

    Row(const Block &block, double row, double sub_slow) : block(block) {
        const double side = block.panel[11];
        const double down = side * ((block.slow + row) * block.oversample + sub_slow) + side / 2.0;
        for (int axis = 0; axis < 3; ++axis) across[axis] = down * block.panel[3 + axis];
    }

    // From the sample to subpixels of some of its pixels [m].
    inline void position(Doubles columns, double sub_fast, Doubles *d) const {
        const double *const panel = block.panel;
        const double side = panel[12];
        const Doubles along =
            side * ((block.fast + columns) * block.oversample + sub_fast) + side / 2.0;
        for (int axis = 0; axis < 3; ++axis)
            d[axis] = (along * panel[axis] + across[axis]) + panel[6 + axis];
    }

    // Unit vectors there, and distances [m] and their inverses.
    inline Doubles direction(Doubles columns, double sub_fast, Doubles *d, Doubles &inverse) const {
        position(columns, sub_fast, d);
        const Doubles distance = root_of(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
        inverse = 1.0 / distance;
        for (int axis = 0; axis < 3; ++axis) d[axis] = quotient(d[axis], distance, inverse);
        return distance;
    }
};

Block::Block(const Blocks &blocks, int64_t number)
    : panel(blocks.panels + 13 * number),
      slow(blocks.slow[number]),
      fast(blocks.fast[number]),
      oversample(double(blocks.oversample)) {
    Doubles d[3], inverse;
    const Row row(*this, double(blocks.anchor[0]), 0.0);
    const Doubles distance = row.direction(all(double(blocks.anchor[1])), 0.0, d, inverse);
    for (int axis = 0; axis < 3; ++axis)
        anchor[axis] = blocks.anchors[axis] == nullptr ? d[axis][0] : blocks.anchors[axis][number];
    // (1 + e)^-½ is summed as far as e⁵: what is left out is e⁶/4, of e up to a pixel's diagonal
    // over the distance
    const double pixel = oversample * std::sqrt(panel[11] * panel[11] + panel[12] * panel[12]);
    are_small = pixel < 1.5e-3 * (distance[0] - SIDE * pixel);
}

// Directions of the subpixels of some pixels less that of the anchor, where nothing is rounded for
// the sake of others.
template <int parts>
struct Fine {
    const Block &block;
    Doubles start[parts][3], inverse[parts], inverse_sqr[parts];

    Fine(const Block &block, double row, const Doubles *columns) : block(block) {
        const Row of_row(block, row, 0.0);
        const double middle = 0.5 * (block.oversample - 1.0);
        double to_middle[3];
        block.offset(middle, middle, to_middle);
        for (int part = 0; part < parts; ++part) {
            of_row.position(columns[part], 0.0, start[part]);
            if (!block.are_small) continue;
            Doubles d[3];
            for (int axis = 0; axis < 3; ++axis) d[axis] = start[part][axis] + to_middle[axis];
            inverse[part] = 1.0 / root_of(length_sqr(d));
            inverse_sqr[part] = inverse[part] * inverse[part];
        }
    }

    static Doubles length_sqr(const Doubles *d) {
        return fma(d[2], d[2], fma(d[1], d[1], d[0] * d[0]));
    }

    // The inverse of the distance, too.
    inline Doubles differences(int part, const double *offset, Doubles *d) const {
        for (int axis = 0; axis < 3; ++axis) d[axis] = start[part][axis] + offset[axis];
        Doubles over;
        if (block.are_small) {
            const Doubles e = fma(length_sqr(d), inverse_sqr[part], all(-1.0));
            constexpr double series[] = {1.0,        -1.0 / 2,    3.0 / 8,
                                         -5.0 / 16, 35.0 / 128, -63.0 / 256};
            over = powers<true>(e, series) * inverse[part];
        } else {
            over = 1.0 / root_of(length_sqr(d));
        }
        for (int axis = 0; axis < 3; ++axis) d[axis] = fma(d[axis], over, all(-block.anchor[axis]));
        return over;
    }
};

// Polarization of unit vectors, by Kahn's formula.
inline Doubles polarization_of(const Beam &beam, const Doubles *d) {
    const Doubles cosine = product(d, beam.incident);
    const Doubles electric = product(d, beam.electric);
    const Doubles magnetic = product(d, beam.magnetic);
    const Doubles polar = beam.kahn[0] + beam.kahn[1] * cosine * cosine;
    // cos 2ψ sin² 2θ is the difference of the squares of the transverse components
    return polar + beam.kahn[2] * (electric * electric - magnetic * magnetic);
}

// Where subpixels have factors of their own: those of the light that falls on a layer, if it does.
struct Factors {
    const Beam &beam;
    const Layer *layer;

    // By what directions are less the anchor's, and the inverse of the distance.
    inline Doubles of(const Block &block, const Doubles *differences, Doubles inverse) const {
        Doubles d[3], factor = all(1.0);
        for (int axis = 0; axis < 3; ++axis) d[axis] = differences[axis] + block.anchor[axis];
        if (beam.own_polar) {
            const Doubles polar = polarization_of(beam, d);
            factor = polar > 0.0 ? polar : Doubles{};
        }
        if (beam.own_omega)
            factor *= fma(all(block.panel[9]), inverse, all(block.panel[10])) * inverse * inverse;
        if (beam.own_capture && layer != nullptr)
            factor *= absorbed(*layer, beam.attenuation, obliquity(*layer, d));
        return factor;
    }
};

// From a node of the table to the next along h, k and l.
struct Strides {
    double of[3];

    explicit Strides(const Steps &steps) : of{1.0, 1.0, 1.0} {
        for (int axis = 1; axis >= 0; --axis)
            of[axis] = of[axis + 1] * (double(steps.last[axis + 1]) + 1.0);
    }
};

// One step at some pixels, by what their directions are less the anchor's.
template <typename Lattice>
inline void evaluate(const Anchored<typename Lattice::Precision::Number> &step,
                     const Doubles (*d)[3], const void *squares, const double *strides,
                     const double *lattice, typename Lattice::Precision::Values &sum) {
    typedef typename Lattice::Precision Precision;
    typedef typename Precision::Number Number;
    typedef typename Precision::Values Values;
    constexpr int parts = Precision::parts;
    constexpr bool fused = Lattice::fused;
    Doubles delta[3][parts], place[parts];
    for (int part = 0; part < parts; ++part) {
        place[part] = all(step.place);
        for (int axis = 0; axis < 3; ++axis) {
            const double *const a = step.vectors + 3 * axis;
            Doubles h;
            if constexpr (fused)
                h = fma(d[part][2], all(a[2]),
                        fma(d[part][1], all(a[1]),
                            fma(d[part][0], all(a[0]), all(step.remainder[axis]))));
            else
                h = product(d[part], a) + step.remainder[axis];
            const Doubles nearest = ceiling_of(h - 0.5);
            delta[axis][part] = h - nearest;
            const Doubles inside = within(nearest, all(step.low[axis]), all(step.high[axis]));
            place[part] = fma(inside, all(strides[axis]), place[part]);
        }
    }
    Values factor;
    if (!Lattice::square(delta, lattice, factor)) return;
    const Number *const table = static_cast<const Number *>(squares);
    int32_t at[parts * LANES];
    for (int part = 0; part < parts; ++part) {
        const Ints places = whole(place[part]);
        std::memcpy(at + part * LANES, &places, sizeof places);
    }
    const Values square = Precision::of(table, at);
    sum = mad<fused>(step.weight * square, factor, sum);
}

// Add weight · F_cell² · F_latt² of steps and subpixels to the pixels of a block, times factors
// where there are some.
template <typename Lattice>
void add(const Block &block, const Steps &steps, const double *lattice, const Factors *factors,
         double *offsets, double *total) {
    typedef typename Lattice::Precision Precision;
    typedef typename Precision::Number Number;
    constexpr int parts = Precision::parts;
    const int64_t side = int64_t(block.oversample), subpixels = side * side;
    for (int64_t sub = 0; sub < subpixels; ++sub)
        block.offset(double(sub / side), double(sub % side), offsets + 3 * sub);
    const Strides strides(steps);
    Anchored<Number> anchored[AT_A_TIME];
    for (int64_t first = 0; first < steps.number; first += AT_A_TIME) {
        const int number = int(steps.number - first < AT_A_TIME ? steps.number - first : AT_A_TIME);
        block.peel(steps, first, number, anchored);
        const bool begin = steps.begin && first == 0;
        for (int pixel = 0; pixel < PIXELS; pixel += parts * LANES) {
            Doubles columns[parts], sum[parts], d[parts][3];
            for (int part = 0; part < parts; ++part) {
                columns[part] = FIRST_LANES + double(pixel % SIDE + part * LANES);
                sum[part] = begin ? Doubles{} : load(total + pixel + part * LANES);
            }
            const Fine<parts> fine(block, double(pixel / SIDE), columns);
            for (int64_t sub = 0; sub < subpixels; ++sub) {
                Doubles inverse[parts];
                for (int part = 0; part < parts; ++part)
                    inverse[part] = fine.differences(part, offsets + 3 * sub, d[part]);
                typename Precision::Values some = {};
                for (int n = 0; n < number; ++n)
                    evaluate<Lattice>(anchored[n], d, steps.squares, strides.of, lattice, some);
                if (factors == nullptr) {
                    Precision::add(some, sum);
                    continue;
                }
                Doubles plain[parts] = {};
                Precision::add(some, plain);
                for (int part = 0; part < parts; ++part)
                    sum[part] =
                        fma(plain[part], factors->of(block, d[part], inverse[part]), sum[part]);
            }
            for (int part = 0; part < parts; ++part)
                store(total + pixel + part * LANES, sum[part]);
        }
    }
}

// Polarization and solid angle of pixels, but for what subpixels have of their own.
inline Doubles factor_of(const Block &block, const Beam &beam, const Doubles *d, Doubles distance,
                         Doubles inverse) {
    Doubles factor = beam.own_polar ? all(1.0) : polarization_of(beam, d);
    if (!beam.own_omega)
        factor *= (quotient(all(block.panel[9]), distance, inverse) + block.panel[10]) /
                  (distance * distance);
    // across the beam, along the field of fully polarized light, polar rounds to less than 0
    return factor < 0.0 ? Doubles{} : factor;
}

// Photons are sums times the factors that subpixels do not have of their own, at the first subpixel;
// in their place or to add. Polarization and solid angle are those at the front of the sensor.
void scale(const Block &front, const Block &block, const Beam &beam, const Layer *layer,
           const double *total, double *photons) {
    for (int pixel = 0; pixel < PIXELS; pixel += LANES) {
        const double row = double(pixel / SIDE);
        const Doubles columns = FIRST_LANES + double(pixel % SIDE);
        Doubles d[3];
        Doubles inverse;
        const Doubles distance = Row(front, row, 0.0).direction(columns, 0.0, d, inverse);
        Doubles factor = factor_of(front, beam, d, distance, inverse);
        if (layer != nullptr && !beam.own_capture) {
            Row(block, row, 0.0).direction(columns, 0.0, d, inverse);
            factor *= absorbed(*layer, beam.attenuation, obliquity(*layer, d));
        }
        const Doubles found = load(total + pixel) * factor;
        store(photons + pixel, total == photons ? found : load(photons + pixel) + found);
    }
}

template <typename Lattice>
void sum(const Blocks &blocks, const Steps &steps, const double *lattice, const Factors *factors,
         double *total) {
    std::vector<double> offsets(3 * blocks.oversample * blocks.oversample);
    for (int64_t number = 0; number < blocks.number; ++number)
        add<Lattice>(Block(blocks, number), steps, lattice, factors, offsets.data(),
                     total + number * PIXELS);
}

// Photons of a single step at pixels that are one subpixel each, its direction used for all.
template <typename Lattice>
void sum_alone(const Blocks &blocks, const Steps &step, const double *lattice, const Beam &beam,
               double scale, double *photons) {
    typedef typename Lattice::Precision Precision;
    constexpr int parts = Precision::parts;
    const Strides strides(step);
    for (int64_t number = 0; number < blocks.number; ++number, photons += PIXELS) {
        const Block block(blocks, number);
        Anchored<typename Precision::Number> anchored;
        block.peel(step, 0, 1, &anchored);
        for (int pixel = 0; pixel < PIXELS; pixel += parts * LANES) {
            const Row of_row(block, double(pixel / SIDE), 0.0);
            Doubles d[parts][3], factor[parts], sum[parts] = {};
            for (int part = 0; part < parts; ++part) {
                const Doubles columns = FIRST_LANES + double(pixel % SIDE + part * LANES);
                Doubles inverse;
                const Doubles distance = of_row.direction(columns, 0.0, d[part], inverse);
                factor[part] = factor_of(block, beam, d[part], distance, inverse);
                for (int axis = 0; axis < 3; ++axis) d[part][axis] -= block.anchor[axis];
            }
            typename Precision::Values some = {};
            evaluate<Lattice>(anchored, d, step.squares, strides.of, lattice, some);
            Precision::add(some, sum);
            for (int part = 0; part < parts; ++part)
                store(photons + pixel + part * LANES, sum[part] * factor[part] * scale);
        }
    }
}

}  // namespace

extern "C" {

// Add the steps to totals of blocks, (blocks, 256). Shapes by their numbers; mixed: the table is of
// float, which is told apart for square crystals. Layer may be null: there is none.
void add_steps(const Blocks *blocks, const Steps *steps, const double *lattice, const Beam *beam,
               const Layer *layer, int64_t shape, int64_t mixed, double *total) {
    const Factors own = {*beam, layer};
    const bool are_own = beam->own_polar || beam->own_omega || beam->own_capture;
    const Factors *const factors = are_own ? &own : nullptr;
    switch (shape) {
        case 0:
            return mixed ? sum<Square<InFloat, true>>(*blocks, *steps, lattice, factors, total)
                         : sum<Square<InDouble, true>>(*blocks, *steps, lattice, factors, total);
        case 1: return sum<Round>(*blocks, *steps, lattice, factors, total);
        case 2: return sum<Gauss>(*blocks, *steps, lattice, factors, total);
        default: return sum<Flat>(*blocks, *steps, lattice, factors, total);
    }
}

// Photons of blocks whose pixels have one subpixel and one step, of a square crystal and without a
// sensor, times a scale; no products and sums are fused.
void photons_of_step(const Blocks *blocks, const Steps *step, const double *lattice,
                     const Beam *beam, int64_t mixed, double scale, double *photons) {
    mixed ? sum_alone<Square<InFloat, false>>(*blocks, *step, lattice, *beam, scale, photons)
          : sum_alone<Square<InDouble, false>>(*blocks, *step, lattice, *beam, scale, photons);
}

// Make photons of totals of blocks on a layer, or add them to photons that are elsewhere, both
// (blocks, 256); front: the same blocks on the front of the sensor.
void add_photons(const Blocks *front, const Blocks *blocks, const Beam *beam, const Layer *layer,
                 const double *total, double *photons) {
    for (int64_t number = 0; number < blocks->number; ++number) {
        const Block first(*front, number);
        const Block block = front == blocks ? first : Block(*blocks, number);
        scale(first, block, *beam, layer, total + number * PIXELS, photons + number * PIXELS);
    }
}
}
