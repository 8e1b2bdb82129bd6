extension RunDatabase {
    /// Grows when a table changes its meaning or loses a column.
    static let schemaVersion = 3

    /// Columns end in their unit: `_msat`, `_sat`, `_us` (simulated microseconds), `_days`. The document
    /// `docs/RUN-STORE.md` says what each means.
    static let schema = """
        CREATE TABLE meta (
            name TEXT PRIMARY KEY,
            value TEXT
        ) WITHOUT ROWID;

        CREATE TABLE nodes (
            node INTEGER PRIMARY KEY,
            id TEXT NOT NULL,
            alias TEXT NOT NULL,
            node_group TEXT,
            wallet_sat INTEGER
        );

        CREATE TABLE channels (
            channel INTEGER PRIMARY KEY,
            short_channel_id TEXT NOT NULL,
            node1 INTEGER NOT NULL,
            node2 INTEGER NOT NULL,
            capacity_sat INTEGER NOT NULL,
            funder INTEGER,
            pushed_msat INTEGER NOT NULL,
            opens_at_us INTEGER,
            closes_at_us INTEGER,
            opening_cost_sat INTEGER NOT NULL,
            dust_limit_sat INTEGER NOT NULL,
            channel_reserve_sat INTEGER NOT NULL,
            htlc_value_in_flight_maximum_msat INTEGER NOT NULL,
            accepted_htlcs_maximum INTEGER NOT NULL,
            to_self_delay INTEGER NOT NULL,
            feerate_per_kw INTEGER NOT NULL,
            has_anchors INTEGER NOT NULL
        );

        CREATE TABLE directions (
            direction INTEGER PRIMARY KEY,
            channel INTEGER NOT NULL,
            side INTEGER NOT NULL,
            node INTEGER NOT NULL,
            has_policy INTEGER NOT NULL,
            is_disabled INTEGER,
            base_fee_msat INTEGER,
            fee_ppm INTEGER,
            cltv_expiry_delta INTEGER,
            htlc_minimum_msat INTEGER,
            htlc_maximum_msat INTEGER,
            initial_balance_msat INTEGER,
            final_balance_msat INTEGER
        );

        CREATE TABLE income (
            direction INTEGER PRIMARY KEY,
            channel INTEGER NOT NULL,
            node INTEGER NOT NULL,
            forwards INTEGER NOT NULL,
            refused_for_balance INTEGER NOT NULL,
            refused_for_limits INTEGER NOT NULL,
            volume_msat INTEGER NOT NULL,
            routing_fees_msat INTEGER NOT NULL,
            fees_paid_msat INTEGER NOT NULL,
            sent_msat INTEGER NOT NULL,
            received_msat INTEGER NOT NULL,
            opening_cost_msat INTEGER NOT NULL,
            closing_cost_msat INTEGER NOT NULL,
            penalties_msat INTEGER NOT NULL,
            principal_msat INTEGER NOT NULL,
            capital_msat INTEGER NOT NULL
        );

        CREATE TABLE node_income (
            node INTEGER PRIMARY KEY,
            forwards INTEGER NOT NULL,
            volume_msat INTEGER NOT NULL,
            routing_fees_msat INTEGER NOT NULL,
            fees_paid_msat INTEGER NOT NULL,
            onchain_fees_msat INTEGER NOT NULL,
            penalties_msat INTEGER NOT NULL,
            principal_msat INTEGER NOT NULL,
            net_msat INTEGER NOT NULL,
            capital_msat INTEGER NOT NULL,
            apr_gross REAL,
            apr_net REAL
        );

        CREATE TABLE payments (
            payment INTEGER PRIMARY KEY,
            source INTEGER NOT NULL,
            destination INTEGER NOT NULL,
            amount_msat INTEGER NOT NULL,
            started_us INTEGER NOT NULL,
            ended_us INTEGER NOT NULL,
            attempts INTEGER NOT NULL,
            hops INTEGER NOT NULL,
            fee_msat INTEGER NOT NULL,
            failure TEXT
        );

        CREATE TABLE attempts (
            payment INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            started_us INTEGER NOT NULL,
            ended_us INTEGER NOT NULL,
            fee_msat INTEGER NOT NULL,
            failing_hop INTEGER,
            failure TEXT,
            route TEXT NOT NULL,
            PRIMARY KEY (payment, attempt)
        ) WITHOUT ROWID;

        CREATE TABLE chain (
            height INTEGER NOT NULL,
            position INTEGER NOT NULL,
            confirmed_us INTEGER NOT NULL,
            txid TEXT NOT NULL,
            kind TEXT NOT NULL,
            channel INTEGER NOT NULL,
            weight INTEGER NOT NULL,
            fee_sat INTEGER NOT NULL,
            PRIMARY KEY (height, position)
        ) WITHOUT ROWID;

        CREATE TABLE timeline (
            hour INTEGER PRIMARY KEY,
            settled INTEGER NOT NULL,
            failed INTEGER NOT NULL,
            volume_msat INTEGER NOT NULL,
            fees_msat INTEGER NOT NULL,
            feerate_sat_per_vbyte REAL NOT NULL,
            pending_htlcs INTEGER NOT NULL,
            depleted_directions INTEGER NOT NULL,
            open_directions INTEGER NOT NULL,
            drift_msat INTEGER NOT NULL
        );
        """
}
