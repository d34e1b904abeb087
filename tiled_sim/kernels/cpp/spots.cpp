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
    int64_t flat, alone;
};

// F² by h, k, l.
struct Table {
    const double *squares;
    int64_t first[3], last[3];
    // Whether there is nothing outside.
    int64_t ends;
};

// Some subpixels side by side, together so that a spot meets few pages of memory: the components
// of their directions, x infinite where they are not wanted, and their sums over steps.
struct Subpixels {
    double x[LANES], y[LANES], z[LANES], total[LANES];
};

// What the blocks of a patch, row by row, see of a layer; of those that no spot reaches nothing is
// ever looked at.
struct Screen {
    const Optics *optics;
    // Of each block whether it has been looked at; which subpixels are wanted, row by row over the
    // patch, null: all; and the subpixels, row by row over the patch.
    uint8_t *seen;
    const bool *wanted;
    Subpixels *subpixels;
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

struct Node {
    Vector centre;
    double intensity;
    int64_t first[2], last[2];
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

// Where the spot around a node, already placed, falls among the subpixels of a patch: a cone of
// directions around its centre is cut by the panel's plane in a conic, and this is the rectangle
// around it.
bool footprint(const Patch &patch, double reach, Node &node) {
    const double length = std::sqrt(dot(node.centre, node.centre));
    // at distance p from the sample: 1 - cos θ = (reach² - (p - 1)²) / 2p
    const double versine = (reach * reach - (length - 1.0) * (length - 1.0)) / (2.0 * length);
    if (versine < 0.0) return false;
    const double sine_sqr = larger(versine * (2.0 - versine), 0.0);
    const double out = dot(node.centre, at(patch.normal)) / length;
    const double below = out * out - sine_sqr;
    // part of the cone runs beside the plane and has no end there
    const bool endless = below <= 0.0 || versine >= 1.0;
    if (out < 0.0 && !endless) return false;
    for (int axis = 0; axis < 2; ++axis) {
        int64_t first = patch.first[axis], last = first + patch.number[axis] - 1;
        if (!endless) {
            const double aside = dot(node.centre, at(patch.across[axis])) / length;
            const double around = out * out + aside * aside - sine_sqr;
            const double spread = std::sqrt(larger(sine_sqr * around, 0.0));
            double low = (aside * out - spread) / below * patch.per_tangent[axis];
            double high = (aside * out + spread) / below * patch.per_tangent[axis];
            low -= patch.start[axis] + std::fabs(low) * RELATIVE_MARGIN + MARGIN;
            high -= patch.start[axis] - std::fabs(high) * RELATIVE_MARGIN - MARGIN;
            low = std::ceil(low);
            high = std::floor(high);
            if (!(low <= double(last) && high >= double(first) && low <= high)) return false;
            if (low > double(first)) first = int64_t(low);
            if (high < double(last)) last = int64_t(high);
        }
        node.first[axis] = first - patch.first[axis];
        node.last[axis] = last - patch.first[axis];
    }
    return true;
}

// Add a spot to the subpixels under it.
template <bool flat, bool alone>
void light(const Patch &patch, const Spot &spot, const Step &step, const Node &node,
           Subpixels *subpixels, Counts &counts) {
    const Vector c = node.centre;
    const int64_t width = patch.number[1] / LANES;
    const int64_t from = node.first[1] / LANES, to = node.last[1] / LANES;
    const Vector *const a = step.direct;
    const double *const g = spot.metric;
    int64_t number = 0;
    for (int64_t row = node.first[0]; row <= node.last[0]; ++row) {
        for (int64_t column = from; column <= to; ++column) {
            Subpixels &here = subpixels[row * width + column];
            const Doubles x = load(here.x) - c.x, y = load(here.y) - c.y, z = load(here.z) - c.z;
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

typedef void (*Light)(const Patch &, const Spot &, const Step &, const Node &, Subpixels *,
                      Counts &);

Light light_of(const Spot &spot) {
    if (spot.flat) return spot.alone ? light<true, true> : light<true, false>;
    return spot.alone ? light<false, true> : light<false, false>;
}

// Directions to the subpixels of a block of a patch, and sums of 0.
void look_at(const Patch &patch, const Screen &screen, int64_t down, int64_t across) {
    const Doubles lane = counting();
    const int64_t side = BLOCK * screen.optics->oversample, width = patch.number[1];
    for (int64_t row = down * side; row < (down + 1) * side; ++row) {
        const double slow = double(patch.first[0] + row) + 0.5;
        for (int64_t column = across * side; column < (across + 1) * side; column += LANES) {
            const Doubles fast = lane + (double(patch.first[1] + column) + 0.5);
            Doubles position[3];
            place(*screen.optics, slow, fast, position);
            const Doubles inverse = 1.0 / length_of(position);
            Subpixels &here = screen.subpixels[(row * width + column) / LANES];
            store(here.x, position[0] * inverse);
            store(here.y, position[1] * inverse);
            store(here.z, position[2] * inverse);
            if (screen.wanted != nullptr)
                for (int lane = 0; lane < LANES; ++lane)
                    if (!screen.wanted[row * width + column + lane]) here.x[lane] = INFINITY;
            store(here.total, Doubles{});
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
            if (seen) continue;
            look_at(patch, screen, row, column);
            seen = 1;
        }
}

// Where lines along w, u and v fixed, meet the shell of the Ewald sphere: a node i + u a* + v b* +
// w c* moves on a line, which meets the spheres of radius 1 - reach and 1 + reach where quadratics
// have their roots, on the near and on the far side.
struct Crossings {
    double near_first[LANES], near_last[LANES], far_first[LANES], far_last[LANES];
};

struct Quadratic {
    double aa, ab, ac, bb, bc, cc, ia, ib, ic, excess, reach;

    void cross(double u, double first_v, Crossings &found) const {
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
            found.near_first[lane] = std::ceil(middle - outer);
            found.near_last[lane] = std::floor(middle - inner);
            // without an inner shell both intervals end in the middle, which must not count twice
            found.far_first[lane] = larger(std::ceil(middle + inner), found.near_last[lane] + 1.0);
            found.far_last[lane] = std::floor(middle + outer);
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
        double index[3];
        for (double along_u = low[u]; along_u <= high[u]; along_u += 1.0) {
            index[u] = along_u;
            for (double first_v = low[v]; first_v <= high[v]; first_v += LANES) {
                Crossings found;
                quadratic.cross(along_u, first_v, found);
                const int number = int(smaller(high[v] - first_v + 1.0, LANES));
                counts.lines += number;
                for (int lane = 0; lane < number; ++lane) {
                    index[v] = first_v + lane;
                    const double near_last = smaller(found.near_last[lane], high[w]);
                    const double far_last = smaller(found.far_last[lane], high[w]);
                    index[w] = larger(found.near_first[lane], low[w]);
                    for (; index[w] <= near_last; index[w] += 1.0) node(step, index);
                    index[w] = larger(found.far_first[lane], low[w]);
                    for (; index[w] <= far_last; index[w] += 1.0) node(step, index);
                }
            }
        }
    }

    __attribute__((noinline)) void node(const Step &step, const double *index) {
        int64_t place = 0;
        for (int axis = 0; axis < 3; ++axis) {
            const int64_t first = table.first[axis], last = table.last[axis];
            int64_t inside = int64_t(index[axis]);
            inside = inside < first ? first : inside > last ? last : inside;
            place = place * (last - first + 1) + (inside - first);
        }
        const double square = table.squares[place];
        if (square == 0.0) return;
        const Vector *const r = step.reciprocal;
        const Vector &i = step.incident;
        const double h = index[0], k = index[1], l = index[2];
        Node found;
        found.centre = {i.x + (h * r[0].x + k * r[1].x + l * r[2].x),
                        i.y + (h * r[0].y + k * r[1].y + l * r[2].y),
                        i.z + (h * r[0].z + k * r[1].z + l * r[2].z)};
        found.intensity = step.intensity * square;
        if (!footprint(patch, step.reach, found)) return;
        const int64_t rows = found.last[0] - found.first[0] + 1;
        const int64_t vectors = found.last[1] / LANES - found.first[1] / LANES + 1;
        ++counts.nodes;
        counts.evaluations += rows * vectors * LANES;
        if (screen == nullptr) return;
        look_at(patch, *screen, found, per_side);
        light(patch, spot, step, found, screen->subpixels, counts);
    }
};

}  // namespace

extern "C" {

// Add the spots of some steps to the subpixels of a patch; without a screen only count.
void follow_spots(const Patch *patch, const Steps *steps, const Spot *spot, const Table *table,
                  const Screen *screen, Counts *counts) {
    const int64_t side = screen == nullptr ? BLOCK : BLOCK * screen->optics->oversample;
    const uint64_t per_side = (uint64_t(1) << 32) / side + 1;
    Work work = {*patch, *spot, *table, screen, light_of(*spot), *counts, per_side};
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
                const int64_t first = (row * oversample + slow) * width + column * oversample;
                for (int64_t fast = 0; fast < oversample; ++fast)
                    for (int lane = 0; lane < LANES; ++lane) {
                        const int64_t at = first + lane * oversample + fast;
                        double &total = screen->subpixels[at / LANES].total[at % LANES];
                        sum[lane] += total;
                        total = 0.0;
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
