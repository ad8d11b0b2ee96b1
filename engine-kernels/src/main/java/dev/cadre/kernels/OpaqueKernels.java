package dev.cadre.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Method;
import java.util.Arrays;

/**
 * Vector kernels that C2 compiles by themselves.
 *
 * <p>An operation that is inlined into its caller shares the caller's limit of nodes: where three norms did not fit
 * into one method of the engine, the last one's vectors became objects, for every token. And code that ran as a part of
 * its caller only has counted nothing, so that C2 takes each call in it for a rare one, does not inline that, and
 * passes vectors as objects. Behind a method handle that is no constant (see {@link RowKernels}) every kernel is
 * compiled alone and by its own counts. A call costs a few nanoseconds.
 */
final class OpaqueKernels {
    private OpaqueKernels() {}

    static VectorMath math(VectorMath kernel) {
        return new OpaqueMath(kernel);
    }

    static CacheRowKernel cacheRows(CacheRowKernel kernel) {
        return new OpaqueCacheRows(kernel);
    }

    static AttentionKernel attention(AttentionKernel kernel) {
        return new OpaqueAttention(kernel);
    }

    static IndexKernel index(IndexKernel kernel) {
        return new OpaqueIndex(kernel);
    }

    /** In an array, since C2 takes its elements for no constants. */
    private static MethodHandle[] calls(Object kernel, Class<?> type, String... names) {
        MethodHandle[] calls = new MethodHandle[names.length];
        for (int i = 0; i < names.length; i++) {
            String name = names[i];
            Method method = Arrays.stream(type.getMethods())
                    .filter(m -> m.getName().equals(name))
                    .findFirst()
                    .orElseThrow();
            MethodType signature = MethodType.methodType(method.getReturnType(), method.getParameterTypes());
            try {
                calls[i] = MethodHandles.lookup().bind(kernel, name, signature);
            } catch (ReflectiveOperationException e) {
                throw new ExceptionInInitializerError(e);
            }
        }
        return calls;
    }

    /** The operations on rows. */
    private static final class OpaqueMath implements VectorMath {
        private static final int DOT = 0;
        private static final int ADD = 1;
        private static final int SCALE = 2;
        private static final int ADD_SCALED = 3;
        private static final int RMS_NORM = 4;
        private static final int LAYER_NORM = 5;
        private static final int SOFTMAX = 6;
        private static final int EXP_SUM = 7;
        private static final int MAX = 8;
        private static final int SWI_GLU = 9;
        private static final int CLAMPED_SWI_GLU = 10;
        private static final int SIGMOID = 11;

        private final MethodHandle[] calls;

        OpaqueMath(VectorMath kernel) {
            calls = calls(
                    kernel,
                    VectorMath.class,
                    "dot",
                    "add",
                    "scale",
                    "addScaled",
                    "rmsNorm",
                    "layerNorm",
                    "softmax",
                    "expSum",
                    "max",
                    "swiGlu",
                    "clampedSwiGlu",
                    "sigmoid");
        }

        @Override
        public float dot(float[] a, int aAt, float[] b, int bAt, int n) {
            try {
                return (float) calls[DOT].invokeExact(a, aAt, b, bAt, n);
            } catch (Throwable t) {
                throw RowKernels.unchecked(t);
            }
        }

        @Override
        public void add(float[] y, int yAt, float[] x, int xAt, int n) {
            try {
                calls[ADD].invokeExact(y, yAt, x, xAt, n);
            } catch (Throwable t) {
                throw RowKernels.unchecked(t);
            }
        }

        @Override
        public void scale(float[] y, int yAt, float factor, int n) {
            try {
                calls[SCALE].invokeExact(y, yAt, factor, n);
            } catch (Throwable t) {
                throw RowKernels.unchecked(t);
            }
        }

        @Override
        public void addScaled(float[] y, int yAt, float[] x, int xAt, float factor, int n) {
            try {
                calls[ADD_SCALED].invokeExact(y, yAt, x, xAt, factor, n);
            } catch (Throwable t) {
                throw RowKernels.unchecked(t);
            }
        }

        @Override
        public void rmsNorm(float[] x, int xAt, float[] weight, float eps, float[] out, int outAt, int n) {
            try {
                calls[RMS_NORM].invokeExact(x, xAt, weight, eps, out, outAt, n);
            } catch (Throwable t) {
                throw RowKernels.unchecked(t);
            }
        }

        @Override
        public void layerNorm(
                float[] x, int xAt, float[] weight, float[] bias, float eps, float[] out, int outAt, int n) {
            try {
                calls[LAYER_NORM].invokeExact(x, xAt, weight, bias, eps, out, outAt, n);
            } catch (Throwable t) {
                throw RowKernels.unchecked(t);
            }
        }

        @Override
        public void softmax(float[] x, int at, int n, float sink) {
            try {
                calls[SOFTMAX].invokeExact(x, at, n, sink);
            } catch (Throwable t) {
                throw RowKernels.unchecked(t);
            }
        }

        @Override
        public float expSum(float[] x, int at, int n, float max) {
            try {
                return (float) calls[EXP_SUM].invokeExact(x, at, n, max);
            } catch (Throwable t) {
                throw RowKernels.unchecked(t);
            }
        }

        @Override
        public float max(float[] x, int at, int n) {
            try {
                return (float) calls[MAX].invokeExact(x, at, n);
            } catch (Throwable t) {
                throw RowKernels.unchecked(t);
            }
        }

        @Override
        public void swiGlu(float[] gate, int gateAt, float[] up, int upAt, int n) {
            try {
                calls[SWI_GLU].invokeExact(gate, gateAt, up, upAt, n);
            } catch (Throwable t) {
                throw RowKernels.unchecked(t);
            }
        }

        @Override
        public void clampedSwiGlu(float[] gate, int gateAt, float[] up, int upAt, int n) {
            try {
                calls[CLAMPED_SWI_GLU].invokeExact(gate, gateAt, up, upAt, n);
            } catch (Throwable t) {
                throw RowKernels.unchecked(t);
            }
        }

        @Override
        public void sigmoid(float[] x, int at, int n) {
            try {
                calls[SIGMOID].invokeExact(x, at, n);
            } catch (Throwable t) {
                throw RowKernels.unchecked(t);
            }
        }
    }

    /** Cache rows. */
    private static final class OpaqueCacheRows implements CacheRowKernel {
        private static final int DECODE_E4M3 = 0;
        private static final int DECODE_INT8 = 1;
        private static final int ENCODE_E4M3 = 2;
        private static final int DECODE_BFLOAT16 = 3;
        private static final int ENCODE_BFLOAT16 = 4;

        private final MethodHandle[] calls;

        OpaqueCacheRows(CacheRowKernel kernel) {
            calls = calls(
                    kernel,
                    CacheRowKernel.class,
                    "decodeE4m3",
                    "decodeInt8",
                    "encodeE4m3",
                    "decodeBfloat16",
                    "encodeBfloat16");
        }

        @Override
        public void decodeE4m3(
                MemorySegment memory,
                long offset,
                int rows,
                int rowBytes,
                int n,
                int group,
                float[] dst,
                int at,
                int stride) {
            try {
                calls[DECODE_E4M3].invokeExact(memory, offset, rows, rowBytes, n, group, dst, at, stride);
            } catch (Throwable t) {
                throw RowKernels.unchecked(t);
            }
        }

        @Override
        public void decodeInt8(MemorySegment memory, long offset, int n, float[] dst, int at) {
            try {
                calls[DECODE_INT8].invokeExact(memory, offset, n, dst, at);
            } catch (Throwable t) {
                throw RowKernels.unchecked(t);
            }
        }

        @Override
        public void encodeE4m3(float[] src, int at, int n, float scale, MemorySegment memory, long offset) {
            try {
                calls[ENCODE_E4M3].invokeExact(src, at, n, scale, memory, offset);
            } catch (Throwable t) {
                throw RowKernels.unchecked(t);
            }
        }

        @Override
        public void decodeBfloat16(
                MemorySegment memory, long offset, int rows, int rowBytes, int n, float[] dst, int at, int stride) {
            try {
                calls[DECODE_BFLOAT16].invokeExact(memory, offset, rows, rowBytes, n, dst, at, stride);
            } catch (Throwable t) {
                throw RowKernels.unchecked(t);
            }
        }

        @Override
        public void encodeBfloat16(float[] src, int at, int n, MemorySegment memory, long offset) {
            try {
                calls[ENCODE_BFLOAT16].invokeExact(src, at, n, memory, offset);
            } catch (Throwable t) {
                throw RowKernels.unchecked(t);
            }
        }
    }

    /** Attention; what has no vectors goes straight. */
    private static final class OpaqueAttention implements AttentionKernel {
        private static final int SCORES = 0;
        private static final int SOFTMAX = 1;
        private static final int ACCUMULATE = 2;

        private final AttentionKernel kernel;
        private final MethodHandle[] calls;

        OpaqueAttention(AttentionKernel kernel) {
            this.kernel = kernel;
            calls = calls(kernel, AttentionKernel.class, "scores", "softmax", "accumulate");
        }

        @Override
        public int lanes() {
            return kernel.lanes();
        }

        @Override
        public void pack(
                float[] q, int qAt, int qStride, int queries, int width, float[] packed, int packedAt, int columns) {
            kernel.pack(q, qAt, qStride, queries, width, packed, packedAt, columns);
        }

        @Override
        public void scores(
                float[] packed,
                int packedAt,
                int columns,
                float[] keys,
                int keysAt,
                int keyStride,
                int n,
                int width,
                float[] s) {
            try {
                calls[SCORES].invokeExact(packed, packedAt, columns, keys, keysAt, keyStride, n, width, s);
            } catch (Throwable t) {
                throw RowKernels.unchecked(t);
            }
        }

        @Override
        public void softmax(
                float[] s, int columns, int queries, int n, float scale, float[] max, float[] sum, float[] kept) {
            try {
                calls[SOFTMAX].invokeExact(s, columns, queries, n, scale, max, sum, kept);
            } catch (Throwable t) {
                throw RowKernels.unchecked(t);
            }
        }

        @Override
        public void accumulate(
                float[] p,
                int pAt,
                int columns,
                int queries,
                float[] v,
                int vAt,
                int vStride,
                int n,
                int width,
                float[] c,
                int cAt,
                int cStride) {
            try {
                calls[ACCUMULATE].invokeExact(p, pAt, columns, queries, v, vAt, vStride, n, width, c, cAt, cStride);
            } catch (Throwable t) {
                throw RowKernels.unchecked(t);
            }
        }
    }

    /** The index scan. */
    private static final class OpaqueIndex implements IndexKernel {
        private static final int SCORES = 0;

        private final MethodHandle[] calls;

        OpaqueIndex(IndexKernel kernel) {
            calls = calls(kernel, IndexKernel.class, "scores");
        }

        @Override
        public void scores(
                float[] q,
                int qAt,
                int heads,
                int width,
                float[] weights,
                int weightsAt,
                float[] tile,
                int tileAt,
                int n,
                float[] sums,
                float[] out,
                int outAt) {
            try {
                calls[SCORES].invokeExact(q, qAt, heads, width, weights, weightsAt, tile, tileAt, n, sums, out, outAt);
            } catch (Throwable t) {
                throw RowKernels.unchecked(t);
            }
        }
    }
}
