// The loops of the kernel that follows spots. spots.py says what is done, loops.py what is passed.
//
// Values that reach a pixel are computed in one place each, in whole vectors of pixels on the grid
// of the panel, and added in the order of the steps: bits do not depend on what is worked on
// together.

namespace {

// h, k, l are looked for a little further out than they can be, for the roundings on the way; and
// so are subpixels.
constexpr double INDEX_MARGIN = 1e-6, RELATIVE_MARGIN = 1e-9, MARGIN = 1e-6;
// Pixels along a side of a block.
constexpr int64_t BLOCK = 16;
// Steps whose sum is taken in float32, where the precision is mixed: of thousands it would drift.
constexpr int64_t AT_A_TIME = 128;
// What is known of a block.
constexpr uint8_t UNSEEN = 0, SEEN = 1, LIT = 2;

// Subpixels of a rectangle, so many as a vector holds, together so that a spot meets few pages and
// few vectors: the components of their directions, x infinite where they are not wanted, and their
// sums over steps. Rectangles lie on the grid of the panel.
template <typename Number>
struct Group;

template <>
struct Group<double> {
    static constexpr int64_t ROWS = 2, COLUMNS = LANES / ROWS;
    double x[LANES], y[LANES], z[LANES], total[LANES];
};

// Directions are what they are off that of a subpixel in the middle: float32 holds these. Sums are
// of few steps, which are added to those of all.
template <>
struct alignas(8 * LANES) Group<float> {
    static constexpr int64_t ROWS = LANES / 2, COLUMNS = 4;
    float x[2 * LANES], y[2 * LANES], z[2 * LANES], part[2 * LANES];
    double middle[3];
    alignas(8 * LANES) double total[2 * LANES];
};
// What loops.py makes room for.
static_assert(sizeof(Group<double>) == 32 * LANES && sizeof(Group<float>) == 28 * 2 * LANES);

}  // namespace

extern "C" {

// A patch of a panel; lengths are over the radius of the Ewald sphere.
struct Patch {
    // Of its quadrangle of directions: the corners, the unit vectors along the edges to the
    // following ones, the cosines and sines of these edges, and their normals, which point inwards.
    double corners[4][3], tangents[4][3], cosines[4], sines[4], normals[4][3];
    // Of the panel's plane: its normal; for slow and fast a unit vector in the plane, subpixels for
    // each unit of tangent from the normal towards it, and what to take off these.
    double normal[3], across[2][3], per_tangent[2], start[2];
    // First subpixel along slow and fast, and how many.
    int64_t first[2], number[2];
};

// Steps of one direction of the beam and one grid of F, in the order of summation.
struct Steps {
    int64_t number;
    double incident[3];
    // Of each step: a/λ, b/λ, c/λ; λa*, λb*, λc*; λ; weight of the source and the domain.
    const double *direct, *reciprocal, *wavelengths, *weights;
};

// The spots of a crystal.
struct Spot {
    // Radius of a sphere around a node that holds all that counts [1/Å], with its margins.
    double radius, radius_margin;
    // F_latt² at its peak; its exponent is -sharpness times the squared distance [1/Å²], or by the
    // six numbers of a metric; exponents of less than least do not count.
    double height, sharpness, metric[6], least;
    // Whether they are flat, alone, and met in float32.
    int64_t flat, alone, single;
};

// F² by h, k, l.
struct Table {
    const double *squares;
    int64_t first[3], last[3];
    // Whether there is nothing outside.
    int64_t ends;
};

// What the blocks of a patch, row by row, see of a layer; of those that no spot reaches nothing is
// ever looked at.
struct Screen {
    const Optics *optics;
    // Of each block whether it has been looked at, and lit since; which subpixels are wanted, row by
    // row over the patch, null: all; and their groups, row by row over the patch; whether these are
    // of float32.
    uint8_t *seen;
    const bool *wanted;
    void *groups;
    int64_t single;
};

struct Counts {
    // Lines of the lattices that are followed, nodes whose spots may light a subpixel, evaluations
    // that are done, and those of them that count.
    int64_t lines, nodes, evaluations, counted;
};
}

namespace {

// What a step's nodes need.
struct Step {
    Vector direct[3], reciprocal[3], incident;
    double intensity, reach, exponent;
};

// One that may light a subpixel: its place, and the first and last subpixels of its spot.
struct Node {
    Vector centre;
    double intensity;
    int64_t first[2], last[2];
};

// Nodes that have been found, and where their spots fall among the subpixels of a patch; those that
// may light one are gone through.
struct Nodes {
    int number = 0;
    double index[3][LANES], intensity[LANES], centre[3][LANES];
    int64_t first[2][LANES], last[2][LANES];
    unsigned lit = 0;

    struct Iterator {
        const Nodes &nodes;
        unsigned left;

        bool operator!=(const Iterator &other) const { return left != other.left; }
        void operator++() { left &= left - 1; }
        Node operator*() const {
            const int at = __builtin_ctz(left);
            const auto &[x, y, z] = nodes.centre;
            return {{x[at], y[at], z[at]},
                    nodes.intensity[at],
                    {nodes.first[0][at], nodes.first[1][at]},
                    {nodes.last[0][at], nodes.last[1][at]}};
        }
    };
    Iterator begin() const { return {*this, lit}; }
    Iterator end() const { return {*this, 0}; }
};

// Greatest product of a vector with the directions of a quadrangle: inside, on an edge, or at a
// corner.
double greatest(const Patch &patch, const Vector &v) {
    double most = -INFINITY;
    bool inside = true;
    for (int i = 0; i < 4; ++i) {
        const double corner = dot(at(patch.corners[i]), v), along = dot(at(patch.tangents[i]), v);
        // of an edge, an arc, the greatest product lies between its ends or at one of them
        const bool between = along > 0.0 && along * patch.cosines[i] < corner * patch.sines[i];
        const double value = between ? std::sqrt(corner * corner + along * along) : corner;
        if (value > most) most = value;
        inside = inside && dot(at(patch.normals[i]), v) >= 0.0;
    }
    return inside ? std::sqrt(dot(v, v)) : most;
}

// Where nodes are, and where the spots around them fall among the subpixels of a patch: a cone of
// directions around a node is cut by the panel's plane in a conic, and this is the rectangle around
// it.
void find_footprints(const Patch &patch, const Step &step, Nodes &nodes) {
    const Vector *const r = step.reciprocal;
    const Doubles h = load(nodes.index[0]), k = load(nodes.index[1]), l = load(nodes.index[2]);
    const Doubles centre[3] = {step.incident.x + (h * r[0].x + k * r[1].x + l * r[2].x),
                               step.incident.y + (h * r[0].y + k * r[1].y + l * r[2].y),
                               step.incident.z + (h * r[0].z + k * r[1].z + l * r[2].z)};
    for (int axis = 0; axis < 3; ++axis) store(nodes.centre[axis], centre[axis]);
    const Doubles length = length_of(centre);
    // at distance p from the sample: 1 - cos θ = (reach² - (p - 1)²) / 2p
    const Doubles beyond = length - 1.0, inverse = 1.0 / length;
    const Doubles versine = (step.reach * step.reach - beyond * beyond) * 0.5 * inverse;
    const Doubles sine_sqr = at_least_0(versine * (2.0 - versine));
    const Doubles out = product(centre, patch.normal) * inverse;
    const Doubles below = out * out - sine_sqr;
    // part of the cone runs beside the plane and has no end there
    const Longs endless = (below <= 0.0) | (versine >= 1.0);
    Longs lit = (versine >= 0.0) & ((out >= 0.0) | endless);
    const Doubles scale = 1.0 / (endless ? Doubles{} + 1.0 : below);
    for (int axis = 0; axis < 2; ++axis) {
        const int64_t first = patch.first[axis], last = first + patch.number[axis] - 1;
        const Doubles aside = product(centre, patch.across[axis]) * inverse;
        const Doubles around = out * out + aside * aside - sine_sqr;
        const Doubles spread = root_of(at_least_0(sine_sqr * around));
        const Doubles per_tangent = scale * patch.per_tangent[axis];
        Doubles low = (aside * out - spread) * per_tangent;
        Doubles high = (aside * out + spread) * per_tangent;
        low = low - (patch.start[axis] + (magnitude(low) * RELATIVE_MARGIN + MARGIN));
        high = high - (patch.start[axis] - (magnitude(high) * RELATIVE_MARGIN + MARGIN));
        for (int lane = 0; lane < LANES; ++lane) low[lane] = std::ceil(low[lane]);
        for (int lane = 0; lane < LANES; ++lane) high[lane] = std::floor(high[lane]);
        const Doubles start = Doubles{} + double(first), end = Doubles{} + double(last);
        low = endless ? start : low;
        high = endless ? end : high;
        lit &= (low <= end) & (high >= start) & (low <= high);
        low = (low > start ? low : start) - start;
        high = (high < end ? high : end) - start;
        for (int lane = 0; lane < LANES; ++lane) nodes.first[axis][lane] = int64_t(low[lane]);
        for (int lane = 0; lane < LANES; ++lane) nodes.last[axis][lane] = int64_t(high[lane]);
    }
    nodes.lit = bits_of(lit) & ((1u << nodes.number) - 1u);
}

template <typename Number>
inline Group<Number> &group_at(const Patch &patch, const Screen &screen, int64_t row,
                               int64_t column) {
    const int64_t width = patch.number[1] / Group<Number>::COLUMNS;
    return static_cast<Group<Number> *>(
        screen.groups)[row / Group<Number>::ROWS * width + column / Group<Number>::COLUMNS];
}

// The groups under a spot, row by row.
template <typename Number>
struct Under {
    typedef Group<Number> Each;
    int64_t first_row, last_row, first_column, last_column;

    explicit Under(const Node &node)
        : first_row(node.first[0] / Each::ROWS),
          last_row(node.last[0] / Each::ROWS),
          first_column(node.first[1] / Each::COLUMNS),
          last_column(node.last[1] / Each::COLUMNS) {}

    int64_t evaluations() const {
        return (last_row - first_row + 1) * Each::ROWS * (last_column - first_column + 1) *
               Each::COLUMNS;
    }
};

// Add the spots of nodes to the subpixels under them.
template <bool flat, bool alone>
void light(const Patch &patch, const Spot &spot, const Step &step, const Nodes &nodes,
           const Screen &screen, Counts &counts) {
    typedef Group<double> Each;
    const int64_t width = patch.number[1] / Each::COLUMNS;
    Each *const groups = static_cast<Each *>(screen.groups);
    const Vector *const a = step.direct;
    const double *const g = spot.metric;
    for (const Node node : nodes) {
        const Vector c = node.centre;
        const Under<double> under(node);
        int64_t number = 0;
        for (int64_t row = under.first_row; row <= under.last_row; ++row) {
            for (int64_t column = under.first_column; column <= under.last_column; ++column) {
                Each &here = groups[row * width + column];
                const Doubles x = load(here.x) - c.x, y = load(here.y) - c.y,
                              z = load(here.z) - c.z;
                Doubles exponent;
                Longs counted;
                if constexpr (alone) {
                    exponent = (x * x + y * y + z * z) * step.exponent;
                    counted = flat ? exponent > spot.least : exponent >= spot.least;
                } else {
                    const Doubles h = a[0].x * x + a[0].y * y + a[0].z * z;
                    const Doubles k = a[1].x * x + a[1].y * y + a[1].z * z;
                    const Doubles l = a[2].x * x + a[2].y * y + a[2].z * z;
                    exponent = -spot.sharpness *
                               (h * (g[0] * h + 2.0 * (g[1] * k + g[2] * l)) +
                                k * (g[3] * k + 2.0 * g[4] * l) + g[5] * (l * l));
                    counted = flat ? exponent > spot.least : exponent >= spot.least;
                    // else another node is nearer
                    counted &= (h > -0.5) & (h <= 0.5) & (k > -0.5) & (k <= 0.5) & (l > -0.5) &
                               (l <= 0.5);
                }
                number += __builtin_popcount(bits_of(counted));
                Doubles share;
                if constexpr (flat) {
                    share = counted ? Doubles{} + 1.0 : Doubles{};
                } else {
                    // of those that do not count any that is not slow
                    share = exponential(counted ? exponent : Doubles{});
                    share = counted ? share : Doubles{};
                }
                store(here.total, load(here.total) + share * node.intensity);
            }
        }
        counts.counted += number;
    }
}

// The same of Gaussian spots that are alone, in float32 once both are less the middle of a group.
// (Loops over groups that serve both take a tenth longer here.)
void light_in_float32(const Patch &patch, const Spot &spot, const Step &step, const Nodes &nodes,
                      const Screen &screen, Counts &counts) {
    typedef Group<float> Each;
    const double to_2 = 1.4426950408889634;
    const float per_distance = float(step.exponent * to_2), least = float(spot.least * to_2);
    const int64_t width = patch.number[1] / Each::COLUMNS;
    Each *const groups = static_cast<Each *>(screen.groups);
    int64_t number = 0;
    for (const Node node : nodes) {
        const Vector c = node.centre;
        const float intensity = float(node.intensity);
        const Under<float> under(node);
        for (int64_t row = under.first_row; row <= under.last_row; ++row) {
            for (int64_t column = under.first_column; column <= under.last_column; ++column) {
                Each &here = groups[row * width + column];
                const Floats x = load(here.x) - float(c.x - here.middle[0]);
                const Floats y = load(here.y) - float(c.y - here.middle[1]);
                const Floats z = load(here.z) - float(c.z - here.middle[2]);
                const Floats exponent = (x * x + y * y + z * z) * per_distance;
                const Words counted = exponent >= least;
                number += __builtin_popcount(bits_of(exponent, least));
                const Floats share = counted ? power_of_2(exponent) : Floats{};
                store(here.part, load(here.part) + share * intensity);
            }
        }
    }
    counts.counted += number;
}

typedef void (*Light)(const Patch &, const Spot &, const Step &, const Nodes &, const Screen &,
                      Counts &);

Light light_of(const Spot &spot) {
    if (spot.single) return light_in_float32;
    if (spot.flat) return spot.alone ? light<true, true> : light<true, false>;
    return spot.alone ? light<false, true> : light<false, false>;
}

// Directions to so many subpixels side by side.
inline void directions(const Patch &patch, const Screen &screen, int64_t row, int64_t column,
                       double (*found)[LANES]) {
    const double slow = double(patch.first[0] + row) + 0.5;
    const Doubles fast = counting() + (double(patch.first[1] + column) + 0.5);
    Doubles position[3];
    place(*screen.optics, slow, fast, position);
    const Doubles inverse = 1.0 / length_of(position);
    for (int axis = 0; axis < 3; ++axis) store(found[axis], position[axis] * inverse);
}

// Directions to the subpixels of a block of a patch, and sums of 0.
template <typename Number>
void look_at(const Patch &patch, const Screen &screen, int64_t down, int64_t across) {
    typedef Group<Number> Each;
    const int64_t side = BLOCK * screen.optics->oversample, width = patch.number[1];
    for (int64_t row = down * side; row < (down + 1) * side; row += Each::ROWS)
        for (int64_t column = across * side; column < (across + 1) * side; column += LANES) {
            double found[Each::ROWS][3][LANES];
            for (int64_t i = 0; i < Each::ROWS; ++i)
                directions(patch, screen, row + i, column, found[i]);
            for (int64_t first = 0; first < LANES; first += Each::COLUMNS) {
                Each &here = group_at<Number>(patch, screen, row, column + first);
                double middle[3] = {};
                if constexpr (std::is_same_v<Number, float>)
                    for (int axis = 0; axis < 3; ++axis)
                        here.middle[axis] = middle[axis] =
                            found[Each::ROWS / 2][axis][first + Each::COLUMNS / 2];
                for (int64_t i = 0; i < Each::ROWS; ++i)
                    for (int64_t j = 0; j < Each::COLUMNS; ++j) {
                        const int64_t lane = i * Each::COLUMNS + j;
                        here.x[lane] = Number(found[i][0][first + j] - middle[0]);
                        here.y[lane] = Number(found[i][1][first + j] - middle[1]);
                        here.z[lane] = Number(found[i][2][first + j] - middle[2]);
                        here.total[lane] = 0.0;
                        if constexpr (std::is_same_v<Number, float>) here.part[lane] = 0.0f;
                    }
                if (screen.wanted == nullptr) continue;
                for (int64_t i = 0; i < Each::ROWS; ++i)
                    for (int64_t j = 0; j < Each::COLUMNS; ++j)
                        if (!screen.wanted[(row + i) * width + column + first + j])
                            here.x[i * Each::COLUMNS + j] = INFINITY;
            }
        }
}

// The same of all blocks that a spot reaches, if that has not been done; per_side is 2³² over the
// side of a block, and a bit more, as a division takes as long as all the rest.
inline void look_at(const Patch &patch, const Screen &screen, const Node &node, uint64_t per_side) {
    const auto block_of = [&](int64_t subpixel) { return int64_t(subpixel * per_side >> 32); };
    const int64_t columns = block_of(patch.number[1]);
    const int64_t from = block_of(node.first[1]), to = block_of(node.last[1]);
    const int64_t end = block_of(node.last[0]);
    for (int64_t row = block_of(node.first[0]); row <= end; ++row)
        for (int64_t column = from; column <= to; ++column) {
            uint8_t &seen = screen.seen[row * columns + column];
            if (seen == LIT) continue;
            if (seen == UNSEEN && screen.single) look_at<float>(patch, screen, row, column);
            if (seen == UNSEEN && !screen.single) look_at<double>(patch, screen, row, column);
            seen = LIT;
        }
}

// Add what is in float32 to the sums over all steps.
void settle(const Patch &patch, const Screen &screen) {
    const int64_t side = BLOCK * screen.optics->oversample, columns = patch.number[1] / side;
    for (int64_t block = 0; block < patch.number[0] / side * columns; ++block) {
        if (screen.seen[block] != LIT) continue;
        screen.seen[block] = SEEN;
        const int64_t first_row = block / columns * side, first = block % columns * side;
        for (int64_t row = 0; row < side; row += Group<float>::ROWS)
            for (int64_t column = 0; column < side; column += Group<float>::COLUMNS) {
                auto &here = group_at<float>(patch, screen, first_row + row, first + column);
                for (int lane = 0; lane < 2 * LANES; ++lane)
                    here.total[lane] += double(here.part[lane]);
                store(here.part, Floats{});
            }
    }
}

// The sum of a subpixel, which is 0 then.
template <typename Number>
inline double take_total(const Patch &patch, const Screen &screen, int64_t row, int64_t column) {
    typedef Group<Number> Each;
    double &total = group_at<Number>(patch, screen, row, column)
                        .total[row % Each::ROWS * Each::COLUMNS + column % Each::COLUMNS];
    const double taken = total;
    total = 0;
    return taken;
}

// Where lines along w, u and v fixed, meet the shell of the Ewald sphere: a node i + u a* + v b* +
// w c* moves on a line, which meets the spheres of radius 1 - reach and 1 + reach where quadratics
// have their roots, on the near and on the far side.
struct Crossings {
    double near_first[LANES], near_last[LANES], far_first[LANES], far_last[LANES];
};

struct Quadratic {
    double aa, ab, ac, bb, bc, cc, ia, ib, ic, excess, reach;

    void cross(double u, double first_v, double low, double high, Crossings &found) const {
        // a spot that holds the sphere's centre has no inner shell
        const double inside = reach < 1.0 ? cc * reach * (2.0 - reach) : INFINITY;
        const double outside = cc * reach * (2.0 + reach), inverse = 1.0 / cc;
        for (int lane = 0; lane < LANES; ++lane) {
            const double v = first_v + lane;
            const double beyond =
                u * (u * aa + 2.0 * ia) + (v * (v * bb + 2.0 * ib) + excess) + 2.0 * ab * u * v;
            const double ahead = (ic + u * ac) + v * bc;
            const double root = ahead * ahead - beyond * cc;
            const double outer = std::sqrt(larger(root + outside, 0.0)) * inverse;
            const double inner = std::sqrt(larger(root - inside, 0.0)) * inverse;
            const double middle = -ahead * inverse;
            const double near_last = std::floor(middle - inner);
            found.near_first[lane] = larger(std::ceil(middle - outer), low);
            found.near_last[lane] = smaller(near_last, high);
            // without an inner shell both intervals end in the middle, which must not count twice
            found.far_first[lane] = larger(larger(std::ceil(middle + inner), near_last + 1.0), low);
            found.far_last[lane] = smaller(std::floor(middle + outer), high);
        }
    }
};

// The work on one patch.
struct Work {
    const Patch &patch;
    const Spot &spot;
    const Table &table;
    const Screen *const screen;
    const Light light;
    Counts &counts;
    const uint64_t per_side;
    Nodes found;

    void follow(const Step &step) {
        double low[3], high[3];
        for (int axis = 0; axis < 3; ++axis) {
            const Vector &a = step.direct[axis];
            const double margin = std::sqrt(dot(a, a)) * step.reach + INDEX_MARGIN;
            const double forward = dot(a, step.incident);
            low[axis] = std::ceil(-greatest(patch, {-a.x, -a.y, -a.z}) - forward - margin);
            high[axis] = std::floor(greatest(patch, a) - forward + margin);
            if (table.ends) {
                low[axis] = larger(low[axis], double(table.first[axis]));
                high[axis] = smaller(high[axis], double(table.last[axis]));
            }
            if (!(low[axis] <= high[axis])) return;
        }
        // lines along the index that there is most of are fewest
        int w = 0;
        for (int axis = 1; axis < 3; ++axis)
            if (high[axis] - low[axis] > high[w] - low[w]) w = axis;
        lines(step, low, high, (w + 1) % 3, (w + 2) % 3, w);
    }

    void lines(const Step &step, const double *low, const double *high, int u, int v, int w) {
        const Vector *const r = step.reciprocal;
        const Vector &i = step.incident;
        const Quadratic quadratic = {dot(r[u], r[u]), dot(r[u], r[v]), dot(r[u], r[w]),
                                     dot(r[v], r[v]), dot(r[v], r[w]), dot(r[w], r[w]),
                                     dot(i, r[u]),    dot(i, r[v]),    dot(i, r[w]),
                                     // i·i is 1 but for roundings
                                     dot(i, i) - 1.0, step.reach};
        int64_t stride[3] = {0, 0, 1};
        for (int axis = 1; axis >= 0; --axis)
            stride[axis] = stride[axis + 1] * (table.last[axis + 1] - table.first[axis + 1] + 1);
        // where an index is in the table; what is outside is its border
        const auto place = [&](int axis, double index) {
            const int64_t first = table.first[axis], last = table.last[axis];
            const int64_t inside = int64_t(index);
            return ((inside < first ? first : inside > last ? last : inside) - first) * stride[axis];
        };
        for (double along_u = low[u]; along_u <= high[u]; along_u += 1.0) {
            const int64_t of_u = place(u, along_u);
            for (double first_v = low[v]; first_v <= high[v]; first_v += LANES) {
                Crossings crossings;
                quadratic.cross(along_u, first_v, low[w], high[w], crossings);
                const int number = int(smaller(high[v] - first_v + 1.0, LANES));
                counts.lines += number;
                for (int lane = 0; lane < number; ++lane) {
                    const double along_v = first_v + lane;
                    const int64_t of_line = of_u + place(v, along_v);
                    const auto meet = [&](double first, double last) {
                        for (double along_w = first; along_w <= last; along_w += 1.0) {
                            const double square = table.squares[of_line + place(w, along_w)];
                            if (square == 0.0) continue;
                            const int at = found.number++;
                            found.index[u][at] = along_u;
                            found.index[v][at] = along_v;
                            found.index[w][at] = along_w;
                            found.intensity[at] = step.intensity * square;
                            if (found.number == LANES) light_found(step);
                        }
                    };
                    meet(crossings.near_first[lane], crossings.near_last[lane]);
                    meet(crossings.far_first[lane], crossings.far_last[lane]);
                }
            }
        }
    }

    // Spots of the nodes that have been found, in their order.
    __attribute__((noinline)) void light_found(const Step &step) {
        find_footprints(patch, step, found);
        for (const Node node : found) {
            ++counts.nodes;
            counts.evaluations += spot.single ? Under<float>(node).evaluations()
                                              : Under<double>(node).evaluations();
            if (screen != nullptr) look_at(patch, *screen, node, per_side);
        }
        if (screen != nullptr && found.lit) light(patch, spot, step, found, *screen, counts);
        found.number = 0;
    }
};

}  // namespace

extern "C" {

// Add the spots of some steps to the subpixels of a patch; without a screen only count.
void follow_spots(const Patch *patch, const Steps *steps, const Spot *spot, const Table *table,
                  const Screen *screen, Counts *counts) {
    const int64_t side = screen == nullptr ? BLOCK : BLOCK * screen->optics->oversample;
    const uint64_t per_side = (uint64_t(1) << 32) / side + 1;
    Work work = {*patch, *spot, *table, screen, light_of(*spot), *counts, per_side, {}};
    for (int64_t number = 0; number < steps->number; ++number) {
        const double wavelength = steps->wavelengths[number];
        Step step;
        for (int axis = 0; axis < 3; ++axis) {
            step.direct[axis] = at(steps->direct + 9 * number + 3 * axis);
            step.reciprocal[axis] = at(steps->reciprocal + 9 * number + 3 * axis);
        }
        step.incident = at(steps->incident);
        step.intensity = steps->weights[number] * spot->height;
        step.reach = wavelength * spot->radius + spot->radius_margin;
        step.exponent = -spot->sharpness / (wavelength * wavelength);
        work.follow(step);
        if (work.found.number > 0) work.light_found(step);
        const bool last = number + 1 == steps->number || (number + 1) % AT_A_TIME == 0;
        if (last && screen != nullptr && screen->single) settle(*patch, *screen);
    }
}

// Add the photons of the sums over steps to the pixels of a patch, and begin anew; layer, of the
// sensor, may be null: all are absorbed. Photons are those of blocks, 256 each, of which places has
// the numbers, for every block of the patch that has been looked at.
void add_photons(const Patch *patch, const Optics *optics, const Layer *layer, double attenuation,
                 const Screen *screen, const int64_t *places, double *photons) {
    const int64_t oversample = optics->oversample, width = patch->number[1];
    const int64_t side = BLOCK * oversample, columns = width / side;
    for (int64_t block = 0; block < patch->number[0] / side * columns; ++block) {
        if (!screen->seen[block] || places[block] < 0) continue;
        double *const here = photons + places[block] * BLOCK * BLOCK;
        for (int64_t pixel = 0; pixel < BLOCK * BLOCK; pixel += LANES) {
            const int64_t row = block / columns * BLOCK + pixel / BLOCK;
            const int64_t column = block % columns * BLOCK + pixel % BLOCK;
            Doubles sum = {};
            // one after the other, so that the order is the same everywhere
            for (int64_t slow = 0; slow < oversample; ++slow) {
                const int64_t down = row * oversample + slow;
                for (int64_t fast = 0; fast < oversample; ++fast)
                    for (int lane = 0; lane < LANES; ++lane) {
                        const int64_t across = (column + lane) * oversample + fast;
                        sum[lane] += screen->single
                                         ? take_total<float>(*patch, *screen, down, across)
                                         : take_total<double>(*patch, *screen, down, across);
                    }
            }
            if (bits_of(sum != 0.0) == 0) continue;
            // at the first subpixel of each
            const double down = double(patch->first[0] + row * oversample) + 0.5;
            Doubles along;
            for (int lane = 0; lane < LANES; ++lane)
                along[lane] = double(patch->first[1] + (column + lane) * oversample) + 0.5;
            Doubles d[3];
            place(*optics, down, along, d);
            const Doubles distance = length_of(d);
            for (int axis = 0; axis < 3; ++axis) d[axis] = d[axis] / distance;
            sum = sum * (polarization(*optics, d) * solid_angle(*optics, distance));
            if (layer != nullptr) {
                // polarization and solid angle are those at the front of the sensor
                Doubles inside[3];
                for (int axis = 0; axis < 3; ++axis)
                    inside[axis] = d[axis] * distance + (layer->origin[axis] - optics->origin[axis]);
                const Doubles oblique = obliquity(*layer, inside) / length_of(inside);
                sum = sum * absorbed(*layer, attenuation, oblique);
            }
            store(here + pixel, load(here + pixel) + sum * optics->photons);
        }
    }
}
}
