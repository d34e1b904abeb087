// The loop of what an amorphous material scatters. amorphous.py says what is summed.

#include <vector>

extern "C" {

// F of a molecule between points of sin θ/λ: four coefficients of a cubic in the distance from the
// first of an interval's two points.
struct Material {
    int64_t points;
    const double *stol, *cubic;
};

// Light of one direction: 1/λ, weights, and the inverse of the attenuation lengths in a sensor.
struct Light {
    int64_t number;
    const double *waves, *weights, *attenuations;
};
}

namespace {

// F of the material, looked for from the interval on that was found last.
inline Doubles factor(const Material &material, const Doubles &stol, int64_t &interval) {
    Doubles x, cubic[4];
    const double first = material.stol[0], last = material.stol[material.points - 1];
    for (int lane = 0; lane < LANES; ++lane) {
        const double s = stol[lane] < first ? first : stol[lane] > last ? last : stol[lane];
        while (interval > 0 && s < material.stol[interval]) --interval;
        while (interval < material.points - 2 && s >= material.stol[interval + 1]) ++interval;
        x[lane] = s - material.stol[interval];
        for (int power = 0; power < 4; ++power)
            cubic[power][lane] = material.cubic[4 * interval + power];
    }
    return cubic[0] + x * (cubic[1] + x * (cubic[2] + x * cubic[3]));
}

}  // namespace

extern "C" {

// Add photons to blocks of 16 x 16 pixels of a panel, by their corners (slow, fast); layer, of its
// sensor, may be null: all are absorbed.
void scatter(const Optics *optics, const Material *material, const Light *light, const Layer *layer,
             int64_t blocks, const double *corners, double *photons) {
    constexpr int SIDE = 16;
    const Doubles lane = counting();
    std::vector<int64_t> intervals(light->number, 0);
    for (int64_t block = 0; block < blocks; ++block) {
        for (int64_t vector = 0; vector < SIDE * SIDE / LANES; ++vector) {
            const int64_t row = vector * LANES / SIDE, column = vector * LANES % SIDE;
            Doubles d[3];
            place(*optics, corners[2 * block] + double(row) + 0.5,
                  lane + (corners[2 * block + 1] + double(column) + 0.5), d);
            const Doubles distance = length_of(d);
            Doubles apart[3];
            for (int axis = 0; axis < 3; ++axis) {
                d[axis] = d[axis] / distance;
                apart[axis] = d[axis] - optics->incident[axis];
            }
            const Doubles sine = 0.5 * length_of(apart);
            const Doubles oblique = layer == nullptr ? Doubles{} : obliquity(*layer, d);
            Doubles sum = {};
            for (int64_t source = 0; source < light->number; ++source) {
                const Doubles F = factor(*material, sine * light->waves[source], intervals[source]);
                Doubles scattered = light->weights[source] * F * F;
                if (layer != nullptr)
                    scattered = scattered * absorbed(*layer, light->attenuations[source], oblique);
                sum += scattered;
            }
            const Doubles factors = polarization(*optics, d) * solid_angle(*optics, distance);
            double *const to = photons + block * SIDE * SIDE + vector * LANES;
            store(to, load(to) + sum * (factors * optics->photons));
        }
    }
}
}
