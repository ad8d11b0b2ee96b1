package dev.cadre.weights.fuzz;

import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.CheckpointLimits;
import dev.cadre.weights.Metadata;
import dev.cadre.weights.internal.MappedFile;
import dev.cadre.weights.internal.StrictJson;
import dev.cadre.weights.internal.ValueMetadata;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.function.BiConsumer;

/** JSON configurations: any document, then every typed look-up on every key. */
public final class ConfigFuzz {
    private static final Path NAME = Path.of("config.json");
    private static final List<BiConsumer<Metadata, String>> LOOKUPS = List.of(
            Metadata::requireInt,
            Metadata::requireLong,
            Metadata::requireDouble,
            Metadata::requireBoolean,
            Metadata::requireString,
            Metadata::intsOrNull,
            Metadata::booleansOrNull,
            Metadata::doublesOrNull,
            Metadata::stringsOrNull,
            Metadata::value);

    private ConfigFuzz() {}

    public static void fuzzerTestOneInput(byte[] data) {
        MappedFile file = new MappedFile(NAME, MemorySegment.ofArray(data), data.length);
        try {
            lookUpAll(
                    new ValueMetadata(
                            NAME,
                            StrictJson.readObject(file, CheckpointLimits.DEFAULTS)
                                    .members()),
                    0);
        } catch (CheckpointFormatException e) {
            Seeds.checkMessage(e);
        }
    }

    private static void lookUpAll(Metadata metadata, int depth) {
        for (String key : metadata.keys()) {
            for (BiConsumer<Metadata, String> lookup : LOOKUPS) {
                try {
                    lookup.accept(metadata, key);
                } catch (CheckpointFormatException e) {
                    Seeds.checkMessage(e);
                }
            }
            try {
                Metadata child = metadata.child(key);
                if (child != null && depth < 4) {
                    lookUpAll(child, depth + 1);
                }
            } catch (CheckpointFormatException e) {
                Seeds.checkMessage(e);
            }
        }
    }
}
