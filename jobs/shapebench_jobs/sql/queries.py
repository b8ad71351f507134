"""The questions that `sql` asks, in the spirit of some of TPC-H's and in our own words.

Both engines get the same text, so it keeps to what both read alike. Amounts are decimals, whose sums no order of rows
can change; where something must be divided, doubles, compared with a tolerance. Each answer has one order.
"""

from __future__ import annotations

QUERIES = {
    # A scan of almost all lines into four groups: decoding Parquet and arithmetic.
    "q1": """
        SELECT l_returnflag, l_linestatus, sum(l_quantity) AS quantity, sum(l_extendedprice) AS price,
               sum(l_extendedprice * (1.00 - l_discount)) AS discounted,
               sum(l_extendedprice * (1.00 - l_discount) * (1.00 + l_tax)) AS charged,
               avg(CAST(l_discount AS DOUBLE)) AS mean_discount, count(*) AS line_count
        FROM lineitem WHERE l_shipdate <= DATE '1998-09-02'
        GROUP BY l_returnflag, l_linestatus ORDER BY l_returnflag, l_linestatus""",
    # Three tables joined, many groups, the ten largest.
    "q3": """
        SELECT l_orderkey, sum(l_extendedprice * (1.00 - l_discount)) AS revenue, o_orderdate
        FROM customer JOIN orders ON o_custkey = c_custkey JOIN lineitem ON l_orderkey = o_orderkey
        WHERE c_mktsegment = 'BUILDING' AND o_orderdate < DATE '1995-03-15' AND l_shipdate > DATE '1995-03-15'
        GROUP BY l_orderkey, o_orderdate ORDER BY revenue DESC, l_orderkey LIMIT 10""",
    # Six tables joined, five groups.
    "q5": """
        SELECT n_name, sum(l_extendedprice * (1.00 - l_discount)) AS revenue, count(DISTINCT o_orderkey) AS order_count
        FROM region JOIN nation ON n_regionkey = r_regionkey JOIN customer ON c_nationkey = n_nationkey
             JOIN orders ON o_custkey = c_custkey JOIN lineitem ON l_orderkey = o_orderkey
             JOIN supplier ON s_suppkey = l_suppkey AND s_nationkey = n_nationkey
        WHERE r_name = 'ASIA' AND o_orderdate >= DATE '1994-01-01' AND o_orderdate < DATE '1995-01-01'
        GROUP BY n_name ORDER BY revenue DESC, n_name""",
    # A scan with a filter that few lines pass, one number: reading.
    "q6": """
        SELECT sum(l_extendedprice * l_discount) AS revenue, count(*) AS line_count
        FROM lineitem WHERE l_shipdate >= DATE '1994-01-01' AND l_shipdate < DATE '1995-01-01'
              AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24""",
    # The two large tables joined, few groups.
    "q12": """
        SELECT l_shipmode, count(*) AS line_count,
               sum(CASE WHEN o_orderpriority IN ('1-URGENT', '2-HIGH') THEN 1 ELSE 0 END) AS pressing
        FROM orders JOIN lineitem ON l_orderkey = o_orderkey
        WHERE l_shipmode IN ('MAIL', 'SHIP') AND l_commitdate < l_receiptdate AND l_shipdate < l_commitdate
              AND l_receiptdate >= DATE '1994-01-01' AND l_receiptdate < DATE '1995-01-01'
        GROUP BY l_shipmode ORDER BY l_shipmode""",
    # A group for every order, then joins: memory for hash tables, the largest shuffle.
    "q18": """
        SELECT c_name, o_orderkey, o_orderdate, o_totalprice, sum(l_quantity) AS quantity
        FROM customer JOIN orders ON o_custkey = c_custkey JOIN lineitem ON l_orderkey = o_orderkey
        WHERE o_orderkey IN (SELECT l_orderkey FROM lineitem GROUP BY l_orderkey HAVING sum(l_quantity) > 270)
        GROUP BY c_name, o_orderkey, o_orderdate, o_totalprice
        ORDER BY o_totalprice DESC, o_orderkey LIMIT 100""",
}
"""By name, in the order in which they are asked."""
