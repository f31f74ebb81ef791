// 12345 -> "12,345"
export const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");
