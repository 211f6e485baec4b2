-- What a client has beside name and e-mail, and what it refers to. Run after schema.sql and
-- as often. Countries are by their ISO 3166 codes alone; states are those of Canada and the
-- United States, where a real Odoo has others too.

CREATE TABLE IF NOT EXISTS res_country (
    id          serial PRIMARY KEY,
    code        varchar NOT NULL CONSTRAINT res_country_code_uniq UNIQUE,
    name        varchar NOT NULL,
    create_uid  int4,
    create_date timestamp,
    write_uid   int4,
    write_date  timestamp
);

CREATE TABLE IF NOT EXISTS res_country_state (
    id          serial PRIMARY KEY,
    country_id  int4 NOT NULL REFERENCES res_country ON DELETE RESTRICT,
    code        varchar NOT NULL,
    name        varchar NOT NULL,
    create_uid  int4,
    create_date timestamp,
    write_uid   int4,
    write_date  timestamp,
    CONSTRAINT res_country_state_name_code_uniq UNIQUE (country_id, code)
);

ALTER TABLE res_partner
    ADD COLUMN IF NOT EXISTS street varchar,
    ADD COLUMN IF NOT EXISTS street2 varchar,
    ADD COLUMN IF NOT EXISTS city varchar,
    ADD COLUMN IF NOT EXISTS zip varchar,
    ADD COLUMN IF NOT EXISTS state_id int4
        REFERENCES res_country_state ON DELETE RESTRICT,
    ADD COLUMN IF NOT EXISTS country_id int4 REFERENCES res_country ON DELETE RESTRICT,
    ADD COLUMN IF NOT EXISTS vat varchar,
    ADD COLUMN IF NOT EXISTS lang varchar DEFAULT 'en_US',
    ADD COLUMN IF NOT EXISTS company_name varchar,
    ADD COLUMN IF NOT EXISTS website varchar,
    ADD COLUMN IF NOT EXISTS x_fc_stripe_customer varchar;

INSERT INTO res_country (code, name)
SELECT code, code FROM regexp_split_to_table(btrim('
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ
    BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR
    CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR
    GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU
    ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ
    LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ
    MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF
    PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI
    SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR
    TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XI XK YE YT ZA ZM
    ZW
'), '\s+') AS code
ON CONFLICT DO NOTHING;

INSERT INTO res_country_state (country_id, code, name)
SELECT c.id, s.code, s.name
  FROM (VALUES
        ('US', 'AL', 'Alabama'),
        ('US', 'AK', 'Alaska'),
        ('US', 'AZ', 'Arizona'),
        ('US', 'AR', 'Arkansas'),
        ('US', 'CA', 'California'),
        ('US', 'CO', 'Colorado'),
        ('US', 'CT', 'Connecticut'),
        ('US', 'DE', 'Delaware'),
        ('US', 'DC', 'District of Columbia'),
        ('US', 'FL', 'Florida'),
        ('US', 'GA', 'Georgia'),
        ('US', 'HI', 'Hawaii'),
        ('US', 'ID', 'Idaho'),
        ('US', 'IL', 'Illinois'),
        ('US', 'IN', 'Indiana'),
        ('US', 'IA', 'Iowa'),
        ('US', 'KS', 'Kansas'),
        ('US', 'KY', 'Kentucky'),
        ('US', 'LA', 'Louisiana'),
        ('US', 'ME', 'Maine'),
        ('US', 'MT', 'Montana'),
        ('US', 'NE', 'Nebraska'),
        ('US', 'NV', 'Nevada'),
        ('US', 'NH', 'New Hampshire'),
        ('US', 'NJ', 'New Jersey'),
        ('US', 'NM', 'New Mexico'),
        ('US', 'NY', 'New York'),
        ('US', 'NC', 'North Carolina'),
        ('US', 'ND', 'North Dakota'),
        ('US', 'OH', 'Ohio'),
        ('US', 'OK', 'Oklahoma'),
        ('US', 'OR', 'Oregon'),
        ('US', 'MD', 'Maryland'),
        ('US', 'MA', 'Massachusetts'),
        ('US', 'MI', 'Michigan'),
        ('US', 'MN', 'Minnesota'),
        ('US', 'MS', 'Mississippi'),
        ('US', 'MO', 'Missouri'),
        ('US', 'PA', 'Pennsylvania'),
        ('US', 'RI', 'Rhode Island'),
        ('US', 'SC', 'South Carolina'),
        ('US', 'SD', 'South Dakota'),
        ('US', 'TN', 'Tennessee'),
        ('US', 'TX', 'Texas'),
        ('US', 'UT', 'Utah'),
        ('US', 'VT', 'Vermont'),
        ('US', 'VA', 'Virginia'),
        ('US', 'WA', 'Washington'),
        ('US', 'WV', 'West Virginia'),
        ('US', 'WI', 'Wisconsin'),
        ('US', 'WY', 'Wyoming'),
        ('CA', 'AB', 'Alberta'),
        ('CA', 'BC', 'British Columbia'),
        ('CA', 'MB', 'Manitoba'),
        ('CA', 'NB', 'New Brunswick'),
        ('CA', 'NL', 'Newfoundland and Labrador'),
        ('CA', 'NT', 'Northwest Territories'),
        ('CA', 'NS', 'Nova Scotia'),
        ('CA', 'NU', 'Nunavut'),
        ('CA', 'ON', 'Ontario'),
        ('CA', 'PE', 'Prince Edward Island'),
        ('CA', 'QC', 'Quebec'),
        ('CA', 'SK', 'Saskatchewan'),
        ('CA', 'YT', 'Yukon')
  ) AS s (country, code, name)
  JOIN res_country c ON c.code = s.country
ON CONFLICT DO NOTHING;
