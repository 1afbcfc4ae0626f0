-- With which trace each report and each change goes on (W3C traceparent); null while nothing is traced.
alter table report_group  add column traces text[];
alter table intune_outbox add column trace  text;
