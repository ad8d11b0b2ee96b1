package dev.cadre.cli;

/** Token ids on the command line: {@code 1,2,3}. */
final class TokenList {
    private TokenList() {}

    static int[] parse(String text) {
        String[] words = text.strip().split("\\s*,\\s*|\\s+");
        int[] ids = new int[words.length];
        for (int i = 0; i < words.length; i++) {
            try {
                ids[i] = Integer.parseInt(words[i]);
            } catch (NumberFormatException e) {
                throw new UserException("--tokens: '" + words[i] + "' is not a token id; give whole numbers, 1,2,3");
            }
        }
        return ids;
    }
}
