// Sphinx leaves numbers out of a query; close codes are numbers.
const parseWords = Search._parseQuery;
Search._parseQuery = (query) => {
  const parsed = parseWords(query);
  const [, searchTerms, , highlightTerms] = parsed;
  for (const number of query.match(/\b\d+\b/g) ?? []) {
    searchTerms.add(number);
    highlightTerms.add(number);
  }
  return parsed;
};
