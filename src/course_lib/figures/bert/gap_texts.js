// The sentences that are masked, in pieces; ## is a piece inside a word.

// "배 stomach ##가 subject": a piece and what it means, in turn; an English one needs none.
const korean = (line) => {
  const parts = line.split(" ");
  return parts
    .filter((_, i) => i % 2 === 0)
    .map((piece, n) => ({ piece, gloss: parts[2 * n + 1].replace("_", " ") }));
};
const english = (line) => line.split(" ").map((piece) => ({ piece, gloss: "" }));

const numbered = (tokens) => {
  let word = -1;
  return tokens.map((one) => {
    if (!one.piece.startsWith("##")) word += 1;
    return { ...one, word };
  });
};

export const TEXTS = [
  {
    lang: "ko",
    tokens: korean(
      "나 I ##는 (topic) 배 stomach ##가 (subject) 고프 empty ##다 (ending)",
    ),
  },
  {
    lang: "ko",
    tokens: korean("저 that 새 bird ##가 (subject) 예쁘 pretty ##다 (ending)"),
  },
  { lang: "ko", tokens: korean("나 I ##는 (topic) 집 home ##에 to 간다 go") },
  {
    lang: "ko",
    tokens: korean(
      "아이 child ##가 (subject) 사과 apple ##를 (object) 먹 eat ##었 (past) ##다 (ending)",
    ),
  },
  { lang: "en", tokens: english("nobody reads this un ##believ ##able story") },
].map(({ lang, tokens }) => ({ lang, tokens: numbered(tokens) }));
