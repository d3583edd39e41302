-- A weaker stage: every candidate, the best of each row, and a proposal only where both are each
-- other's single best. Equally good ones are ambiguous and stay open.

-- @table cand{n}
SELECT h.rid AS hr, c.rid AS cr, {diff} AS d, {score} AS s
FROM l{n}h h JOIN l{n}c c ON {on}
-- @table bh{n}
SELECT hr, MIN(s) AS s FROM cand{n} GROUP BY hr
-- @table bc{n}
SELECT cr, MIN(s) AS s FROM cand{n} GROUP BY cr
-- @table top{n}
SELECT a.hr, a.cr, a.d FROM cand{n} a JOIN bh{n} x ON a.hr = x.hr AND a.s = x.s
JOIN bc{n} y ON a.cr = y.cr AND a.s = y.s
-- @table th{n}
SELECT hr FROM top{n} GROUP BY hr HAVING COUNT(*) > 1
-- @table tc{n}
SELECT cr FROM top{n} GROUP BY cr HAVING COUNT(*) > 1
-- @table pw{n}
SELECT t.hr, t.cr, t.d FROM top{n} t LEFT JOIN th{n} x ON t.hr = x.hr LEFT JOIN tc{n} y ON t.cr = y.cr
WHERE x.hr IS NULL AND y.cr IS NULL
-- @table am{n}
SELECT t.hr, t.cr, t.d FROM top{n} t LEFT JOIN th{n} x ON t.hr = x.hr LEFT JOIN tc{n} y ON t.cr = y.cr
WHERE x.hr IS NOT NULL OR y.cr IS NOT NULL
-- @table gone{n}h
SELECT hr AS rid FROM pw{n} UNION SELECT hr AS rid FROM am{n}
-- @table gone{n}c
SELECT cr AS rid FROM pw{n} UNION SELECT cr AS rid FROM am{n}
-- @table l{next}h
SELECT l.* FROM l{n}h l LEFT JOIN gone{n}h g ON l.rid = g.rid WHERE g.rid IS NULL
-- @table l{next}c
SELECT l.* FROM l{n}c l LEFT JOIN gone{n}c g ON l.rid = g.rid WHERE g.rid IS NULL
