// Counts as text.

// 12345 -> "12,345"
export const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

// (2, "token") -> "2 tokens"
export const plural = (n, one) => `${n} ${one}${n === 1 ? "" : "s"}`;
