CREATE VIEW order_totals AS
  SELECT order_id, sum(quantity * price_cents)::bigint AS total_cents
    FROM order_lines JOIN products ON products.id = product_id
   GROUP BY order_id;
