// Vectors of numbers, what is computed with whole ones, and the optics of a panel, for the loops in
// the files beside. This text goes before theirs.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#ifdef __AVX__
#include <immintrin.h>
#endif

namespace {

// As many numbers as a vector of this machine holds, on those with vectors: compilers make long ones
// of short ones badly.
#ifdef __AVX512F__
constexpr int LANES = 8;
#else
constexpr int LANES = 4;
#endif
typedef double Doubles __attribute__((vector_size(8 * LANES)));
typedef int64_t Longs __attribute__((vector_size(8 * LANES)));
// The same bytes hold twice as many of these.
typedef float Floats __attribute__((vector_size(8 * LANES)));
typedef int32_t Words __attribute__((vector_size(8 * LANES)));

struct Vector {
    double x, y, z;
};

inline Vector at(const double *v) { return {v[0], v[1], v[2]}; }

inline double dot(const Vector &a, const Vector &b) { return a.x * b.x + a.y * b.y + a.z * b.z; }

inline Doubles load(const double *from) {
    Doubles values;
    std::memcpy(&values, from, sizeof values);
    return values;
}

inline void store(double *to, const Doubles &values) { std::memcpy(to, &values, sizeof values); }

inline Floats load(const float *from) {
    Floats values;
    std::memcpy(&values, from, sizeof values);
    return values;
}

inline void store(float *to, const Floats &values) { std::memcpy(to, &values, sizeof values); }

// 0, 1, 2, ...
inline Doubles counting() {
    Doubles numbers;
    for (int lane = 0; lane < LANES; ++lane) numbers[lane] = lane;
    return numbers;
}

inline Doubles product(const Doubles *d, const double *v) {
    return d[0] * v[0] + d[1] * v[1] + d[2] * v[2];
}

inline Doubles root_of(const Doubles &squared) {
    Doubles root;
    for (int lane = 0; lane < LANES; ++lane) root[lane] = std::sqrt(squared[lane]);
    return root;
}

inline Doubles length_of(const Doubles *d) {
    return root_of(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
}

inline Doubles magnitude(const Doubles &x) { return x < 0.0 ? -x : x; }

inline Doubles at_least_0(const Doubles &x) { return x > 0.0 ? x : Doubles{}; }

// A bit for each lane of a mask.
inline unsigned bits_of(const Longs &mask) {
#if defined(__AVX512DQ__)
    return _mm512_movepi64_mask((__m512i)mask);
#elif defined(__AVX__) && !defined(__AVX512F__)
    return unsigned(_mm256_movemask_pd((__m256d)mask));
#else
    unsigned bits = 0;
    for (int lane = 0; lane < LANES; ++lane) bits |= unsigned(mask[lane] & 1) << lane;
    return bits;
#endif
}

// A bit for each number that is not less than another.
inline unsigned bits_of(const Floats &x, float least) {
#if defined(__AVX512F__)
    return _mm512_cmp_ps_mask((__m512)x, _mm512_set1_ps(least), _CMP_GE_OQ);
#elif defined(__AVX__)
    return unsigned(_mm256_movemask_ps((__m256)(x >= least)));
#else
    unsigned bits = 0;
    for (int lane = 0; lane < 2 * LANES; ++lane) bits |= unsigned(x[lane] >= least) << lane;
    return bits;
#endif
}

inline double larger(double a, double b) { return a > b ? a : b; }

inline double smaller(double a, double b) { return a < b ? a : b; }

// e^x, -700 <= x <= 0, to a rounding: 2^n e^r, |r| <= ln 2 / 2, by the series of e^r.
inline Doubles exponential(const Doubles &x) {
    const double magic = 6755399441055744.0;  // 1.5 * 2^52: the sum's last bits are n
    const Doubles shifted = x * 1.4426950408889634 + magic;
    const Doubles n = shifted - magic;
    const Doubles r = (x - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10;
    Doubles e = r * (1.0 / 479001600.0) + 1.0 / 39916800.0;
    e = e * r + 1.0 / 3628800.0;
    e = e * r + 1.0 / 362880.0;
    e = e * r + 1.0 / 40320.0;
    e = e * r + 1.0 / 5040.0;
    e = e * r + 1.0 / 720.0;
    e = e * r + 1.0 / 120.0;
    e = e * r + 1.0 / 24.0;
    e = e * r + 1.0 / 6.0;
    e = e * r + 0.5;
    e = e * r + 1.0;
    e = e * r + 1.0;
    const Longs scale = ((Longs)shifted << 52) + (int64_t(1023) << 52);
    return e * (Doubles)scale;
}

// 2^x of float32, -126 < x <= 0, to two roundings: 2^n 2^f, |f| <= 1/2, by the polynomial that is
// least off; of other x any number.
inline Floats power_of_2(const Floats &x) {
    const float magic = 12582912.0f;  // 1.5 * 2^23
    const Floats shifted = x + magic;
    const Floats f = x - (shifted - magic);
    Floats e = f * 1.5345812e-4f + 1.3399931e-3f;
    e = e * f + 9.6184891e-3f;
    e = e * f + 5.5503286e-2f;
    e = e * f + 0.24022646f;
    e = e * f + 0.69314718f;
    e = e * f + 1.0f;
    // n is added to the exponent
    return (Floats)((Words)e + ((Words)shifted << 23));
}

}  // namespace

extern "C" {

// A flat panel as the sample sees it, and the light of a direction.
struct Optics {
    // The panel: along a subpixel of slow and of fast, and the corner of the panel [m]; what the
    // solid angle is, over the distance and added, over the squared distance.
    double slow[3], fast[3], origin[3], omega[2];
    // The beam: incident, electric and magnetic directions, and the factor's constant, that of
    // the squared cosine and that of the field.
    double incident[3], electric[3], magnetic[3], kahn[3];
    // Photons for each electron² and steradian.
    double photons;
    int64_t oversample;
};

// A layer of a sensor: the corner of the panel at its front, the panel's normal, and the depths of
// its front and back [m].
struct Layer {
    double origin[3], normal[3], front, back;
};
}

namespace {

// From the sample to places on a panel, by subpixels along slow and fast [m].
inline void place(const Optics &optics, double down, const Doubles &along, Doubles *position) {
    for (int axis = 0; axis < 3; ++axis)
        position[axis] =
            along * optics.fast[axis] + down * optics.slow[axis] + optics.origin[axis];
}

// Polarization factor of unit vectors, by Kahn's formula.
inline Doubles polarization(const Optics &optics, const Doubles *d) {
    const double *const kahn = optics.kahn;
    const Doubles cosine = product(d, optics.incident);
    const Doubles electric = product(d, optics.electric);
    const Doubles magnetic = product(d, optics.magnetic);
    // cos 2ψ sin² 2θ is the difference of the squares of the transverse components
    const Doubles polar = kahn[0] + kahn[1] * cosine * cosine +
                          kahn[2] * (electric * electric - magnetic * magnetic);
    // along the field of fully polarized light it rounds to less than 0
    return polar > 0.0 ? polar : Doubles{};
}

// Solid angle of pixels at a distance [sr].
inline Doubles solid_angle(const Optics &optics, const Doubles &distance) {
    return (optics.omega[0] / distance + optics.omega[1]) / (distance * distance);
}

// Cosine of the angle between rays and the normal.
inline Doubles obliquity(const Layer &layer, const Doubles *d) {
    const Doubles cosine = product(d, layer.normal);
    return cosine < 0.0 ? -cosine : cosine;
}

// Share of the light that a layer absorbs, by the inverse of the attenuation length.
inline Doubles absorbed(const Layer &layer, double attenuation, const Doubles &oblique) {
    // what absorbs less is the difference of two exponentials, each near the other
    constexpr double THIN = 1e-6;
    const Doubles least = Doubles{} - 700.0, per_depth = -attenuation / oblique;
    Doubles front = layer.front * per_depth, back = layer.back * per_depth;
    front = front > least ? front : least;
    back = back > least ? back : least;
    const Doubles path = (layer.back - layer.front) * per_depth;
    const Doubles reaching = exponential(front);
    const Doubles thin = -path * (1.0 + path * (0.5 + path / 6.0)) * reaching;
    return path > -THIN ? thin : reaching - exponential(back);
}

}  // namespace
