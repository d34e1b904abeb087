// The loops of counts: physics/random.py, poisson.py and point_spread.py say what is done, and every
// operation is theirs in their order, so that counts are those of numpy to the bit.

#include <algorithm>
#include <vector>

namespace {

// Philox 4x32-10.
constexpr int ROUNDS = 10;
constexpr uint32_t MULTIPLIERS[] = {0xD2511F53, 0xCD9E8D57}, WEYL[] = {0x9E3779B9, 0xBB67AE85};
// Of a mean below 10, with a probability below 1e-27.
constexpr int NEVER_REACHED = 60;

// In (0, 1), 53 bits of two words; never 1.
inline double uniform(uint32_t high, uint32_t low) {
    const int64_t bits = int64_t(high >> 5) << 26 | low >> 6;
    return smaller((double(bits) + 0.5) * 0x1p-53, 1.0 - 0x1p-53);
}

}  // namespace

extern "C" {

// Two uniform numbers of each pixel.
void draw_uniforms(int64_t number, const uint32_t *slow, const uint32_t *fast, uint32_t panel,
                   uint32_t frame, const uint32_t *key, double *first, double *second) {
    for (int64_t i = 0; i < number; ++i) {
        uint32_t x[] = {slow[i], fast[i], panel, frame};
        for (uint32_t round = 0; round < ROUNDS; ++round) {
            const uint64_t a = uint64_t(x[0]) * MULTIPLIERS[0], b = uint64_t(x[2]) * MULTIPLIERS[1];
            x[0] = uint32_t(b >> 32) ^ x[1] ^ (key[0] + round * WEYL[0]);
            x[1] = uint32_t(b);
            x[2] = uint32_t(a >> 32) ^ x[3] ^ (key[1] + round * WEYL[1]);
            x[3] = uint32_t(a);
        }
        first[i] = uniform(x[0], x[1]);
        second[i] = uniform(x[2], x[3]);
    }
}

// The smallest counts whose cumulative probabilities, of which the first are given, reach uniform
// numbers; so many of them that they fill vectors.
void invert_poisson(int64_t number, const double *means, const double *none,
                    const double *uniforms, double *counts) {
    for (int64_t i = 0; i < number; i += LANES) {
        const Doubles mean = load(means + i), uniform = load(uniforms + i);
        Doubles probability = load(none + i), cumulative = probability, reached = {};
        for (int count = 1; count < NEVER_REACHED; ++count) {
            const Longs on = uniform > cumulative;
            if (bits_of(on) == 0) break;
            probability = probability * (mean / double(count));
            cumulative = on ? cumulative + probability : cumulative;
            reached = on ? Doubles{} + double(count) : reached;
        }
        store(counts + i, reached);
    }
}

// Proposals for the counts of large means, NaN where they are not accepted at once.
void accept_at_once(int64_t number, const double *means, const double *uniforms,
                    const double *acceptances, double *counts) {
    for (int64_t i = 0; i < number; ++i) {
        const double b = 0.931 + 2.53 * std::sqrt(means[i]), a = -0.059 + 0.02483 * b;
        const double u = uniforms[i] - 0.5, us = 0.5 - std::fabs(u);
        const double k = std::floor((2.0 * a / us + b) * u + means[i] + 0.43);
        const bool accepted = us >= 0.07 && acceptances[i] <= 0.9277 - 3.6224 / (b - 2.0);
        counts[i] = accepted ? k : NAN;
    }
}

// Photons counted in pixels of those that arrived up to a radius beyond them, of which each pixel
// counts shares by distance, (radius + 1)² of them; a row of those that arrived is so many numbers
// after the one before.
void blur(int64_t slow, int64_t fast, int64_t radius, const double *photons, int64_t stride,
          const double *shares, double *blurred) {
    constexpr int TOGETHER = 4;
    const int64_t width = fast + 2 * radius, padded = TOGETHER * LANES;
    std::vector<double> pair(width + padded), sums(fast + padded);
    for (int64_t row = 0; row < slow; ++row) {
        const double *const middle = photons + (row + radius) * stride;
        std::fill(sums.begin(), sums.end(), 0.0);
        for (int64_t down = 0; down <= radius; ++down) {
            const double *const share = shares + down * (radius + 1);
            const double *const above = middle - down * stride;
            const double *const below = middle + down * stride;
            // photons are whole numbers, so that a sum of them is exact
            for (int64_t x = 0; x < width; ++x) pair[x] = down ? above[x] + below[x] : above[x];
            int64_t end = 0;
            while ((end + 1) * (end + 1) + down * down <= radius * radius) ++end;
            for (int64_t first = 0; first < fast; first += padded) {
                const double *const here = pair.data() + first + radius;
                Doubles sum[TOGETHER];
                for (int i = 0; i < TOGETHER; ++i)
                    sum[i] = load(&sums[first + i * LANES]) + load(here + i * LANES) * share[0];
                for (int64_t right = 1; right <= end; ++right)
                    for (int i = 0; i < TOGETHER; ++i)
                        sum[i] += (load(here + i * LANES - right) + load(here + i * LANES + right)) *
                                  share[right];
                for (int i = 0; i < TOGETHER; ++i) store(&sums[first + i * LANES], sum[i]);
            }
        }
        std::copy_n(sums.begin(), fast, blurred + row * fast);
    }
}
}
