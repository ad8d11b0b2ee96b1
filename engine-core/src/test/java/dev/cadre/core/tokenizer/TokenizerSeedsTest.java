package dev.cadre.core.tokenizer;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.core.UnsupportedModelException;
import dev.cadre.core.tokenizer.PreTokenizer.Behavior;
import dev.cadre.weights.CheckpointFormatException;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs every committed seed of the tokenizers' fuzz targets, and edits of each, without Jazzer. */
class TokenizerSeedsTest {
    private static final Path FILE = Path.of("tokenizer.json");
    private static final int RANDOM_INPUTS = 3000;

    @Test
    void tokenizer() throws IOException, URISyntaxException {
        run("tokenizer", TokenizerFuzz::fuzzerTestOneInput);
    }

    @Test
    void vocabulary() throws IOException, URISyntaxException {
        run("vocabulary", VocabularyFuzz::fuzzerTestOneInput);
    }

    private static void run(String corpus, Consumer<byte[]> target) throws IOException, URISyntaxException {
        List<Path> seeds;
        try (Stream<Path> files = Files.list(
                Path.of(TokenizerSeedsTest.class.getResource("/fuzz/" + corpus).toURI()))) {
            seeds = files.sorted().toList();
        }
        assertTrue(seeds.size() >= 5, seeds.size() + " seeds");
        Random random = new Random(Long.getLong("cadre.seed", 8));
        for (Path seed : seeds) {
            byte[] bytes = Files.readAllBytes(seed);
            assertTrue(bytes.length <= 4096, seed + " is larger than 4 KiB");
            target.accept(bytes);
            for (int i = 0; i < RANDOM_INPUTS / seeds.size(); i++) {
                target.accept(edited(bytes, random));
            }
        }
    }

    /** Noise dies at the first bracket; one value in the place of another gets further. */
    private static byte[] edited(byte[] seed, Random random) {
        String text = new String(seed, StandardCharsets.UTF_8);
        List<String> values =
                List.of("{}", "[]", "null", "-1", "1e400", "4294967296", "true", "\"\"", "\"(((\"", "[[]]");
        String value = values.get(random.nextInt(values.size()));
        int colon = text.indexOf(':', random.nextInt(text.length()));
        if (colon > 0 && random.nextBoolean()) {
            int end = colon + 1;
            while (end < text.length() && ",}]".indexOf(text.charAt(end)) < 0) {
                end++;
            }
            return (text.substring(0, colon + 1) + value + text.substring(end)).getBytes(StandardCharsets.UTF_8);
        }
        byte[] bytes = seed.clone();
        for (int n = random.nextInt(4); n >= 0; n--) {
            bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(128);
        }
        return bytes;
    }

    /** Each case is a bomb or a type where another is expected. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "'model':{'vocab':{'a':0},'merges':[[{},{}]]}",
                "'model':{'vocab':{'a':0},'merges':[[[],'a']]}",
                "'normalizer':{'type':'Replace','pattern':{'String':{}},'content':'a'}",
                "'pre_tokenizer':{'type':'Split','pattern':{'Regex':[]}}",
            })
    void valuesOfAnotherKindAreFormatErrors(String members) {
        byte[] json = ("{" + members.replace('\'', '"') + "}").getBytes(StandardCharsets.UTF_8);
        assertThrows(CheckpointFormatException.class, () -> TokenizerJson.read(FILE, json));
    }

    @Test
    void insertingStepsDoNotMultiply() {
        String twice = "{'type':'Replace','pattern':{'String':'a'},'content':'aa'}";
        BpeTokenizer normalizing = read("'normalizer':{'type':'Sequence','normalizers':[" + repeated(twice, 40) + "]}");
        assertThrows(UnsupportedModelException.class, () -> normalizing.encode("a"));
        String marks = "{'type':'Split','pattern':{'String':'x'}},{'type':'Metaspace','replacement':'x',"
                + "'prepend_scheme':'always','split':false},{'type':'Split','pattern':{'Regex':'.'}},"
                + "{'type':'ByteLevel','use_regex':false}";
        BpeTokenizer splitting =
                read("'pre_tokenizer':{'type':'Sequence','pretokenizers':[" + repeated(marks, 60) + "]}");
        assertThrows(UnsupportedModelException.class, () -> splitting.encode("y".repeat(50)));
    }

    @Test
    void emptyAndLongReplacementsAreRefused() {
        assertThrows(
                UnsupportedModelException.class,
                () -> read("'normalizer':{'type':'Replace','pattern':{'String':''},'content':'aa'}"));
        assertThrows(
                UnsupportedModelException.class,
                () -> read("'normalizer':{'type':'Prepend','prepend':'" + "a".repeat(65) + "'}"));
    }

    @Test
    void patternsThatNestWithoutEndAreTypedErrors() {
        String nested = "(".repeat(1_000_000) + "a" + ")".repeat(1_000_000);
        assertThrows(UnsupportedModelException.class, () -> PreTokenizer.split(nested, Behavior.ISOLATED, false));
    }

    private static String repeated(String step, int times) {
        return Stream.generate(() -> step).limit(times).collect(Collectors.joining(","));
    }

    private static BpeTokenizer read(String members) {
        String model = "'model':{'type':'BPE','vocab':{'a':0,'x':1,'y':2,'\u0120':3},'merges':[]}";
        return TokenizerJson.read(
                FILE, ("{" + model + "," + members + "}").replace('\'', '"').getBytes(StandardCharsets.UTF_8));
    }
}
