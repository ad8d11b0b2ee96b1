package dev.cadre.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.kernels.format.BlockEncoder;
import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.weights.CheckpointVerifier.Finding;
import dev.cadre.weights.CheckpointVerifier.Report;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CheckpointVerifierTest {
    @TempDir
    Path temp;

    private static Report verify(Path path) {
        try (Checkpoint checkpoint = Checkpoint.open(path)) {
            return CheckpointVerifier.verify(checkpoint, 2, progress -> {});
        }
    }

    private static int scaleOffset(BlockFormat format) {
        return switch (format) {
            case Q2_K -> 80;
            case Q3_K -> 108;
            case Q6_K -> 208;
            default -> 0;
        };
    }

    /** One block of 70,000 elements and more gets a NaN as its scale; exactly this block is reported. */
    @ParameterizedTest
    @EnumSource(
            names = {"Q8_0", "Q4_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "F16", "BF16"})
    void aDamagedScaleIsFoundAtItsOffset(BlockFormat format) {
        long[] shape = {280, 256};
        float[] ones = new float[280 * 256];
        Arrays.fill(ones, 0.7f);
        byte[] blocks = new byte[(int) format.bytes(ones.length)];
        BlockEncoder.of(format).encode(ones, 0, ones.length, MemorySegment.ofArray(blocks), 0);
        int damaged = blocks.length / format.blockBytes() - 3;
        int at = damaged * format.blockBytes() + scaleOffset(format);
        blocks[at] = (byte) 0xff;
        blocks[at + 1] = (byte) 0x7f;
        Path file = temp.resolve("m.gguf");
        new GgufWriter()
                .addTensor("good", BlockFormat.F32, new long[] {8}, (first, count, dst) -> {})
                .addTensor("bad", format, shape, MemorySegment.ofArray(blocks))
                .write(file, WriteOptions.DEFAULTS);
        Report report = verify(file);
        assertEquals(1, report.damagedBlocks());
        Finding finding = report.findings().getFirst();
        assertEquals("bad", finding.tensor());
        assertEquals(file, finding.file());
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            TensorEntry bad = checkpoint.require("bad");
            assertEquals(bad.offset() + (long) damaged * format.blockBytes(), finding.offset());
            assertEquals(bad.bytes() + 32, report.bytes());
        }
    }

    @Test
    void scaleBytesThatMeanNan() {
        byte[] mxfp4 = new byte[3 * 17];
        mxfp4[17] = -1;
        byte[] nvfp4 = new byte[3 * 36];
        nvfp4[2 * 36 + 3] = 0x7f;
        Path file = temp.resolve("m.gguf");
        new GgufWriter()
                .addTensor("mx", BlockFormat.MXFP4, new long[] {3, 32}, MemorySegment.ofArray(mxfp4))
                .addTensor("nv", BlockFormat.NVFP4, new long[] {3, 64}, MemorySegment.ofArray(nvfp4))
                .write(file, WriteOptions.DEFAULTS);
        List<Finding> findings = verify(file).findings();
        assertEquals(2, findings.size(), findings.toString());
        assertTrue(findings.get(0).problem().contains("NaN in E8M0"), findings.toString());
        assertTrue(findings.get(1).problem().contains("scale byte 3"), findings.toString());
    }

    @Test
    void goldenFilesAndTheirDamage() throws IOException {
        assertTrue(verify(GoldenCheckpointTest.golden("safetensors-schemes")).findings().stream()
                .allMatch(finding -> finding.problem().equals("the value is NaN")));
        TestFiles.safetensorsFolder(
                temp.resolve("bad"),
                "w",
                "F8_E4M3 130,300",
                "w_scale_inv",
                "F32 2,2",
                "x_blocks",
                "U8 1,1,16",
                "x_scales",
                "U8 1,1");
        Path file = temp.resolve("bad/model.safetensors");
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length - 1] = -1; // the scale of x
        Files.write(file, bytes);
        List<Finding> findings = verify(temp.resolve("bad")).findings();
        assertEquals(2, findings.size(), findings.toString());
        assertTrue(findings.get(0).problem().contains("do not fit"), findings.toString());
        assertEquals("x_scales", findings.get(1).tensor());
        assertEquals(bytes.length - 1, findings.get(1).offset());
    }

    @Test
    void manyFindingsAreCountedAndCut() {
        Path file = temp.resolve("m.gguf");
        new GgufWriter()
                .addTensor(
                        "t",
                        BlockFormat.F32,
                        new long[] {100_000, 3},
                        (first, count, dst) -> Arrays.fill(dst, 0, 3 * count, Float.NaN))
                .write(file, WriteOptions.DEFAULTS);
        List<WriteProgress> progress = new ArrayList<>();
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            Report report = CheckpointVerifier.verify(checkpoint, 3, progress::add);
            assertEquals(300_000, report.damagedBlocks());
            assertEquals(CheckpointVerifier.LISTED_PER_TENSOR, report.findings().size());
            long first = checkpoint.require("t").offset();
            for (int i = 0; i < 10; i++) {
                assertEquals(first + 4L * i, report.findings().get(i).offset());
            }
        }
        assertEquals(1_200_000, progress.getLast().doneBytes());
    }

    @Test
    void sha256() throws IOException {
        Path file = Files.writeString(temp.resolve("abc"), "abc");
        assertEquals(
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", CheckpointVerifier.sha256(file));
        assertThrows(CheckpointIOException.class, () -> CheckpointVerifier.sha256(temp.resolve("none")));
    }
}
