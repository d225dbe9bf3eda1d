// A BERT encoder for sentences and short texts: int8 weights, one scale a row of activations, one thread a call.
//
// The arithmetic is written once, below the line "kernels", and compiled once for every kind of processor: this
// file includes itself with TARGET set, and `Kernels` of the kind that is chosen at run time does the work. Plain
// C, so that Python needs no compiled binding; index/native.py is the other side and describes the weights' layout.
//
// Texts are not padded: their rows lie one after the other, text i has the rows starts[i] to starts[i + 1]. Every
// result depends on its own text alone, because nothing is scaled or summed over more than a row or a text.

#ifndef TARGET

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <memory>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

constexpr int kPanel = 32;   // columns of a matrix that lie together: the layout is the same for every target
constexpr int kBlock = 64;   // rows that go through a layer's row-wise parts together: stays in the cache
constexpr int kAlign = 64;

struct Network {
    int32_t dimension, inner, heads;
    float epsilon;
    const float* places;  // by position
    const float* types;   // by segment, two rows
    const char* weights;  // norm of the embeddings, then the layers
};

struct Norm {
    const float *gain, *bias;
};

struct Linear {  // weight times scale is the matrix; sums are those of the matrix's columns
    int in;
    const float *bias, *scale, *sums;
    const int8_t* weight;  // [out / kPanel][in / 4][kPanel][4]
};

struct Layer {
    Linear attention, output, up, down;  // attention: query, key and value side by side
    Norm middle, last;
};

struct Quantised {  // rows of whole numbers: value = scale * whole + least
    uint8_t* rows;
    float *scale, *least;
};

template <class T>
struct Free {
    void operator()(T* memory) const { std::free(memory); }
};
template <class T>
using Memory = std::unique_ptr<T[], Free<T>>;

template <class T>
Memory<T> allocate(size_t count) {
    const size_t bytes = (count * sizeof(T) + kAlign - 1) / kAlign * kAlign + kAlign;
    return Memory<T>(static_cast<T*>(std::aligned_alloc(kAlign, bytes)));
}

template <class T>
const T* take(const char*& at, size_t count) {
    const char* begin = at;
    at += count * sizeof(T);
    return reinterpret_cast<const T*>(begin);
}

Norm take_norm(const char*& at, int size) {
    const float* gain = take<float>(at, size);
    return {gain, take<float>(at, size)};
}

Linear take_linear(const char*& at, int in, int out) {
    const float* bias = take<float>(at, out);
    const float* scale = take<float>(at, out);
    const float* sums = take<float>(at, out);
    return {in, bias, scale, sums, take<int8_t>(at, size_t(in) * out)};
}

Layer take_layer(const char*& at, const Network& net) {
    Layer layer;
    layer.attention = take_linear(at, net.dimension, 3 * net.dimension);
    layer.output = take_linear(at, net.dimension, net.dimension);
    layer.middle = take_norm(at, net.dimension);
    layer.up = take_linear(at, net.dimension, net.inner);
    layer.down = take_linear(at, net.inner, net.dimension);
    layer.last = take_norm(at, net.dimension);
    return layer;
}

struct Texts {  // rows of several texts, each of net.dimension
    float* rows;
    const int32_t* starts;
};

struct Kernels {
    void (*embed)(const Network&, const Texts& words, const uint8_t* segments, int texts);
    bool (*layer)(const Network&, const Layer&, const Texts& queries, const Texts& memory, int texts);
    void (*pool)(const Network&, const Texts& rows, int texts, float* out);
};

}  // namespace

#define TARGET 0
#include "encoder.cpp"
#if defined(__x86_64__)
#define TARGET 1
#include "encoder.cpp"
#define TARGET 2
#include "encoder.cpp"
#endif

namespace {

const Kernels* kernels(int target) {
    static const Kernels all[] = {
        portable::kernels,
#if defined(__x86_64__)
        avx2::kernels, avx512::kernels,
#endif
    };
    return &all[target];
}

}  // namespace

extern "C" {

// Goes up whenever the weights are laid out, or the functions called, otherwise: index/native.py asks for its own.
int encoder_version() { return 3; }

// The fastest kernels that this processor runs: 0 portable, 1 AVX2, 2 AVX-512 with VNNI. Slower ones run too.
int encoder_target() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw")) return 2;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 1;
#endif
    return 0;
}

// Add place and segment embeddings to `rows`, which hold those of the words, and normalise them.
void encoder_embed(int target, const Network* net, float* rows, const int32_t* starts, int texts,
                   const uint8_t* segments) {
    kernels(target)->embed(*net, {rows, starts}, segments, texts);
}

// Send the rows of `queries` through the layers `first` to `last`, in place; they attend to those of `memory`, which
// may be the same. Returns 0, or 1 when there was no memory to be had.
int encoder_layers(int target, const Network* net, int first, int last, float* queries, const int32_t* query_starts,
                   float* memory, const int32_t* memory_starts, int texts) {
    const char* at = net->weights;
    take_norm(at, net->dimension);
    for (int i = 0; i < last; ++i) {
        const Layer layer = take_layer(at, *net);
        if (i >= first && !kernels(target)->layer(*net, layer, {queries, query_starts}, {memory, memory_starts}, texts))
            return 1;
    }
    return 0;
}

// The mean of each text's rows, of unit length.
void encoder_pool(int target, const Network* net, float* rows, const int32_t* starts, int texts, float* out) {
    kernels(target)->pool(*net, {rows, starts}, texts, out);
}
}

#else  // ---- kernels ---------------------------------------------------------------------------------------------

#if TARGET == 0
#define NAME portable
#define WIDTH 16
#elif TARGET == 1
#define NAME avx2
#define WIDTH 32
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#else
#define NAME avx512
#define WIDTH 64
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma")
#endif
#endif

namespace {
namespace NAME {

using floats = float __attribute__((vector_size(WIDTH)));
using ints = int32_t __attribute__((vector_size(WIDTH)));
using shorts = int16_t __attribute__((vector_size(WIDTH)));
using unsigned_shorts = uint16_t __attribute__((vector_size(WIDTH)));
using bytes = uint8_t __attribute__((vector_size(WIDTH / 4)));

constexpr int kLanes = WIDTH / 4;
constexpr int kColumns = 2 * kLanes;             // of a tile: two registers
constexpr int kRows = TARGET == 2 ? 12 : 4;      // of a tile, at most: as many as the registers hold

constexpr int kAhead = 12288;                    // bytes of weights fetched ahead: a panel of 384 rows

inline int padded(int size) { return (size + kColumns - 1) / kColumns * kColumns; }

template <class V>
inline V load(const void* from) {
    V value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

template <class V>
inline void store(void* to, V value) {
    std::memcpy(to, &value, sizeof value);
}

inline floats fill(float value) { return value - floats{}; }
inline floats to_floats(ints value) { return __builtin_convertvector(value, floats); }
inline ints to_ints(floats value) { return __builtin_convertvector(value, ints); }
inline floats max(floats a, floats b) { return a > b ? a : b; }
inline floats min(floats a, floats b) { return a < b ? a : b; }

inline float highest(floats value) {
    float most = value[0];
    for (int i = 1; i < kLanes; ++i) most = value[i] > most ? value[i] : most;
    return most;
}

inline float total(floats value) {
    float sum = 0;
    for (int i = 0; i < kLanes; ++i) sum += value[i];
    return sum;
}

// e^x for x <= 0, to a few millionths: 2^whole * 2^part, part within +-.5.
inline floats exponential(floats x) {
    const floats power = max(fill(-87), x) * 1.44269504f;
    const ints whole = to_ints(power - 0.5f);
    const floats part = power - to_floats(whole);
    floats sum = fill(0.00133336f);
    for (float term : {0.00961813f, 0.05550411f, 0.24022651f, 0.69314718f, 1.0f}) sum = sum * part + term;
    return reinterpret_cast<floats>(reinterpret_cast<ints>(sum) + (whole << 23));
}

// x * P(X < x), X normal. P - .5 is x times a polynomial in x^2 fitted on +-4.4; the result is within 4e-5.
inline floats gelu(floats x) {
    const floats limited = max(fill(-4.4f), min(fill(4.4f), x));
    const floats square = limited * limited;
    floats sum = fill(3.572630974720232e-11f);
    for (float term : {-3.7566311528705906e-09f, 1.7417087187533334e-07f, -4.726403861937702e-06f, 8.43087841065051e-05f,
                       -0.0010550860542206946f, 0.009643331978389501f, -0.06607690179412315f, 0.3987618559514969f})
        sum = sum * square + term;
    return x * (0.5f + limited * sum);
}

// Four products a lane, summed: `dot` adds activations (0..255) times weights (-127..127), exactly.
#if TARGET == 2
using Weights = __m512i;
using Activations = __m512i;

inline Weights load_weights(const int8_t* from) { return _mm512_loadu_si512(from); }
inline Activations load_activations(const uint8_t* from) {
    return _mm512_set1_epi32(load<int32_t>(from));
}
inline ints dot(ints sum, Activations a, Weights w) {
    return reinterpret_cast<ints>(_mm512_dpbusd_epi32(reinterpret_cast<__m512i>(sum), a, w));
}
#else
struct Pairs {  // the bytes 0 and 2, and 1 and 3, of every four, as 16-bit numbers
    shorts even, odd;
};
using Weights = Pairs;
using Activations = Pairs;

inline Weights load_weights(const int8_t* from) {
    const shorts both = load<shorts>(from);
    return {(both << 8) >> 8, both >> 8};
}
inline Activations load_activations(const uint8_t* from) {
    const auto both = reinterpret_cast<unsigned_shorts>(load<int32_t>(from) - ints{});
    return {reinterpret_cast<shorts>(both & 255), reinterpret_cast<shorts>(both >> 8)};
}
#if TARGET == 1
inline ints multiply(shorts a, shorts w) {
    return reinterpret_cast<ints>(_mm256_madd_epi16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(w)));
}
#else
inline ints multiply(shorts a, shorts w) {
    const ints both = reinterpret_cast<ints>(a * w);  // 255 * 127 fits 16 bits
    return ((both << 16) >> 16) + (both >> 16);
}
#endif
inline ints dot(ints sum, Activations a, Weights w) {
    return sum + multiply(a.even, w.even) + multiply(a.odd, w.odd);
}
#endif

// Rows of whole numbers from 0 to 255, one scale a row; 0 stays exactly 0, since GELU gives many values near it.
// `activate` applies GELU first, in place.
template <bool activate>
void quantise(float* rows, int count, int size, const Quantised& out) {
    for (int r = 0; r < count; ++r) {
        float* row = rows + size_t(r) * size;
        floats low{}, high{};
        for (int i = 0; i < size; i += kLanes) {
            floats value = load<floats>(row + i);
            if (activate) store(row + i, value = gelu(value));
            low = min(low, value);
            high = max(high, value);
        }
        const float least = -highest(-low), range = highest(high) - least;
        const float scale = range > 0 ? range / 255 : 1, inverse = 1 / scale;
        const float zero = float(int(0.5f - least * inverse));
        out.scale[r] = scale;
        out.least[r] = -zero * scale;
        for (int i = 0; i < size; i += kLanes) {
            const floats value = min(fill(255), load<floats>(row + i) * inverse + (zero + 0.5f));
            store(out.rows + size_t(r) * size + i, __builtin_convertvector(to_ints(value), bytes));
        }
    }
}

// One tile of a product: `rows` rows by kColumns columns.
template <int rows>
void linear_tile(const Linear& linear, const Quantised& from, int row, int column, float* out, int stride) {
    const int8_t* weight = linear.weight + size_t(column / kPanel) * kPanel * linear.in + column % kPanel * 4;
    const uint8_t* values = from.rows + size_t(row) * linear.in;
    ints sums[rows][2] = {};
    for (int k = 0; k < linear.in; k += 4, weight += kPanel * 4) {
        const Weights left = load_weights(weight), right = load_weights(weight + WIDTH);
        __builtin_prefetch(weight + kAhead);
        __builtin_prefetch(weight + kAhead + 64);
#pragma GCC unroll 12
        for (int r = 0; r < rows; ++r) {
            const Activations value = load_activations(values + size_t(r) * linear.in + k);
            sums[r][0] = dot(sums[r][0], value, left);
            sums[r][1] = dot(sums[r][1], value, right);
        }
    }
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
        const int at = column + half * kLanes;
        const floats scale = load<floats>(linear.scale + at), bias = load<floats>(linear.bias + at);
        const floats column_sums = load<floats>(linear.sums + at);
#pragma GCC unroll 12
        for (int r = 0; r < rows; ++r) {
            const floats base = bias + column_sums * from.least[row + r];
            const floats value = to_floats(sums[r][half]) * from.scale[row + r];
            store(out + size_t(row + r) * stride + half * kLanes, value * scale + base);
        }
    }
}

template <int most>
void linear_rows(int rows, const Linear& linear, const Quantised& from, int row, int column, float* out, int stride) {
    if constexpr (most > 0) {
        if (rows == most) linear_tile<most>(linear, from, row, column, out, stride);
        else linear_rows<most - 1>(rows, linear, from, row, column, out, stride);
    }
}

// The columns `first` to `last` of the product, beside each other in `out`, whose rows are `stride` apart.
void multiply(const Linear& linear, const Quantised& from, int count, int first, int last, float* out, int stride) {
    const int pieces = (count + kRows - 1) / kRows;
    for (int column = first; column < last; column += kColumns)
        for (int piece = 0; piece < pieces; ++piece) {
            const int row = count * piece / pieces, end = count * (piece + 1) / pieces;
            linear_rows<kRows>(end - row, linear, from, row, column, out + column - first, stride);
        }
}

// out = a * b in floats: `rows` rows of a, `depth` rows of b; the width of b and out is a multiple of kColumns.
template <int rows>
void product_tile(const float* a, int a_stride, const float* b, int width, int depth, float* out) {
    for (int column = 0; column < width; column += kColumns) {
        floats sums[rows][2] = {};
        for (int k = 0; k < depth; ++k) {
            const float* from = b + size_t(k) * width + column;
            const floats left = load<floats>(from), right = load<floats>(from + kLanes);
#pragma GCC unroll 12
            for (int r = 0; r < rows; ++r) {
                const float value = a[size_t(r) * a_stride + k];
                sums[r][0] += value * left;
                sums[r][1] += value * right;
            }
        }
#pragma GCC unroll 12
        for (int r = 0; r < rows; ++r) {
            store(out + size_t(r) * width + column, sums[r][0]);
            store(out + size_t(r) * width + column + kLanes, sums[r][1]);
        }
    }
}

template <int most>
void product(int rows, const float* a, int a_stride, const float* b, int width, int depth, float* out) {
    if constexpr (most > 0) {
        if (rows == most) product_tile<most>(a, a_stride, b, width, depth, out);
        else product<most - 1>(rows, a, a_stride, b, width, depth, out);
    }
}

// e^(score - highest score) for the first `count` scores, 0 beyond; returns their sum.
float softmax(float* scores, int count, int width) {
    for (int i = count; i < width; ++i) scores[i] = -1e30f;
    floats top = fill(-1e30f), sum{};
    for (int i = 0; i < width; i += kLanes) top = max(top, load<floats>(scores + i));
    const float most = highest(top);
    for (int i = 0; i < width; i += kLanes) {
        const floats weight = exponential(load<floats>(scores + i) - most);
        store(scores + i, weight);
        sum += weight;
    }
    return total(sum);
}

// One text: its queries, rows of `size`, become the mixture of the values they attend to, in place. A row of
// `memory` holds a key and a value. `scratch` holds what `attention_scratch` says.
void attend(float* queries, int asked, const float* memory, int count, int size, int heads, float* scratch) {
    const int head = size / heads, width = padded(head), columns = padded(count);
    float* keys = scratch;  // transposed
    float* values = keys + size_t(head) * columns;
    float* scores = values + size_t(count) * width;
    float* mixed = scores + size_t(kRows) * columns;
    std::memset(values, 0, sizeof(float) * count * width);
    std::memset(keys, 0, sizeof(float) * head * columns);
    const int pieces = (asked + kRows - 1) / kRows;
    for (int h = 0; h < heads; ++h) {
        for (int i = 0; i < count; ++i) {
            const float* row = memory + size_t(i) * 2 * size + h * head;
            for (int d = 0; d < head; ++d) keys[size_t(d) * columns + i] = row[d];
            std::memcpy(values + size_t(i) * width, row + size, sizeof(float) * head);
        }
        for (int piece = 0; piece < pieces; ++piece) {
            const int begin = asked * piece / pieces, rows = asked * (piece + 1) / pieces - begin;
            float* query = queries + size_t(begin) * size + h * head;
            float sums[kRows];
            product<kRows>(rows, query, size, keys, columns, head, scores);
            for (int r = 0; r < rows; ++r) sums[r] = softmax(scores + size_t(r) * columns, count, columns);
            product<kRows>(rows, scores, columns, values, width, count, mixed);
            for (int r = 0; r < rows; ++r)
                for (int d = 0; d < head; ++d) query[size_t(r) * size + d] = mixed[r * width + d] / sums[r];
        }
    }
}

size_t attention_scratch(int count, int size, int heads) {
    const int head = size / heads;
    return size_t(head + kRows) * padded(count) + size_t(count + kRows) * padded(head);
}

// out = norm(row + other)
void add_norm(const float* row, const float* other, int size, const Norm& norm, float epsilon, float* out) {
    floats sum{}, squares{};
    for (int i = 0; i < size; i += kLanes) {
        const floats value = load<floats>(row + i) + load<floats>(other + i);
        store(out + i, value);
        sum += value;
    }
    const float mean = total(sum) / size;
    for (int i = 0; i < size; i += kLanes) {
        const floats apart = load<floats>(out + i) - mean;
        squares += apart * apart;
    }
    const float inverse = 1 / std::sqrt(total(squares) / size + epsilon);
    for (int i = 0; i < size; i += kLanes) {
        const floats value = (load<floats>(out + i) - mean) * inverse;
        store(out + i, value * load<floats>(norm.gain + i) + load<floats>(norm.bias + i));
    }
}

void embed(const Network& net, const Texts& words, const uint8_t* segments, int texts) {
    const char* at = net.weights;
    const int size = net.dimension;
    const Norm norm = take_norm(at, size);
    for (int t = 0; t < texts; ++t)
        for (int i = words.starts[t]; i < words.starts[t + 1]; ++i) {
            float* row = words.rows + size_t(i) * size;
            const float* type = net.types + size_t(segments[i]) * size;
            for (int d = 0; d < size; ++d) row[d] += type[d];
            add_norm(row, net.places + size_t(i - words.starts[t]) * size, size, norm, net.epsilon, row);
        }
}

bool layer(const Network& net, const Layer& l, const Texts& queries, const Texts& memory, int texts) {
    const int size = net.dimension, wide = net.inner, most = size > wide ? size : wide;
    const int asked = queries.starts[texts], held = memory.starts[texts];
    int longest = 0;
    for (int t = 0; t < texts; ++t) {
        const int length = memory.starts[t + 1] - memory.starts[t];
        longest = length > longest ? length : longest;
    }
    const auto mixed = allocate<float>(size_t(asked) * size), pairs = allocate<float>(size_t(held) * 2 * size),
               middle = allocate<float>(size_t(kBlock) * size), inner = allocate<float>(size_t(kBlock) * wide),
               scratch = allocate<float>(attention_scratch(longest, size, net.heads));
    const auto whole = allocate<uint8_t>(size_t(kBlock) * most);
    if (!mixed || !pairs || !middle || !inner || !scratch || !whole) return false;
    float scales[kBlock], least[kBlock];
    const Quantised block{whole.get(), scales, least};

    for (int i = 0; i < held; i += kBlock) {
        const int rows = held - i < kBlock ? held - i : kBlock;
        quantise<false>(memory.rows + size_t(i) * size, rows, size, block);
        multiply(l.attention, block, rows, size, 3 * size, pairs.get() + size_t(i) * 2 * size, 2 * size);
        if (queries.rows == memory.rows) multiply(l.attention, block, rows, 0, size, mixed.get() + size_t(i) * size, size);
    }
    for (int i = 0; i < asked && queries.rows != memory.rows; i += kBlock) {
        const int rows = asked - i < kBlock ? asked - i : kBlock;
        quantise<false>(queries.rows + size_t(i) * size, rows, size, block);
        multiply(l.attention, block, rows, 0, size, mixed.get() + size_t(i) * size, size);
    }
    for (int t = 0; t < texts; ++t)
        attend(mixed.get() + size_t(queries.starts[t]) * size, queries.starts[t + 1] - queries.starts[t],
               pairs.get() + size_t(memory.starts[t]) * 2 * size, memory.starts[t + 1] - memory.starts[t], size,
               net.heads, scratch.get());
    for (int i = 0; i < asked; i += kBlock) {
        const int rows = asked - i < kBlock ? asked - i : kBlock;
        float *mix = mixed.get() + size_t(i) * size, *out = queries.rows + size_t(i) * size, *mid = middle.get();
        quantise<false>(mix, rows, size, block);
        multiply(l.output, block, rows, 0, size, mid, size);
        for (int r = 0; r < rows * size; r += size) add_norm(mid + r, out + r, size, l.middle, net.epsilon, mid + r);
        quantise<false>(mid, rows, size, block);
        multiply(l.up, block, rows, 0, wide, inner.get(), wide);
        quantise<true>(inner.get(), rows, wide, block);
        multiply(l.down, block, rows, 0, size, mix, size);
        for (int r = 0; r < rows * size; r += size) add_norm(mix + r, mid + r, size, l.last, net.epsilon, out + r);
    }
    return true;
}

void pool(const Network& net, const Texts& from, int texts, float* out) {
    const int size = net.dimension;
    for (int t = 0; t < texts; ++t, out += size) {
        std::memset(out, 0, sizeof(float) * size);
        for (int i = from.starts[t]; i < from.starts[t + 1]; ++i)
            for (int d = 0; d < size; ++d) out[d] += from.rows[size_t(i) * size + d];
        floats squares{};
        for (int d = 0; d < size; d += kLanes) squares += load<floats>(out + d) * load<floats>(out + d);
        const float length = std::sqrt(total(squares));
        for (int d = 0; d < size; ++d) out[d] /= length;  // the mean's length cancels out
    }
}

constexpr Kernels kernels = {embed, layer, pool};

}  // namespace NAME
}  // namespace

#if TARGET != 0
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
#undef NAME
#undef WIDTH
#undef TARGET
#endif
